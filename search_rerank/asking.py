"""Candidates of a query, whatever part of the retrieval fails: only the engine away is an error."""

from __future__ import annotations

import logging
from dataclasses import replace

from search_rerank.answer import Degraded
from search_rerank.engines.base import Retrieve
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.stages import stage

log = logging.getLogger(__name__)


def candidates_of(
    in_use: InUse, query: Query, timings_ms: dict[str, float], degraded: list[Degraded]
) -> Candidates:
    """Return what the engine finds for a query.

    Parameters
    ----------
    timings_ms, degraded
        Get the times of the stages, and which of them gave less than it should have.

    Raises
    ------
    EngineError
        When the engine is away or refuses the filters or facets.
    """
    with stage("encode", timings_ms):
        request = encoded(in_use, query, degraded)
    with stage("retrieve", timings_ms):
        candidates = _retrieved(in_use, request, degraded)
    degraded += [Degraded(*part) for part in candidates.degraded]
    return candidates


def encoded(in_use: InUse, query: Query, degraded: list[Degraded]) -> Retrieve:
    """Return what the engine is asked, by words only where the vector cannot be made."""
    try:
        return in_use.retriever.request(query, query.k)
    except Exception as error:  # without a vector the words still answer
        log.exception("encoding the query failed; searching by words only")
        degraded.append(Degraded("encode", type(error).__name__))
        return in_use.by_words().request(query, query.k)


def _retrieved(in_use: InUse, request: Retrieve, degraded: list[Degraded]) -> Candidates:
    try:
        return in_use.retriever.retrieve(request)
    except EngineUnavailable:
        raise
    except EngineError as error:  # a new index may hold other vectors: the words still answer
        if request.vector is None:
            raise
        candidates = in_use.retriever.retrieve(replace(request, vector=None))
        log.error("searching by words only: %s", error)
        degraded.append(Degraded("vector", str(error)))
        return candidates
