"""Candidates of a query, whatever part of the retrieval fails: only the engine away is an error."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from search_rerank.answer import Degraded
from search_rerank.engines.base import Retrieve
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.stages import Stages

log = logging.getLogger(__name__)


def candidates_of(in_use: InUse, query: Query, stages: Stages) -> Candidates:
    """Return what the engine finds for a query.

    Parameters
    ----------
    stages
        Get what the stages took, and which of them gave less than it should have.

    Raises
    ------
    EngineError
        When the engine is away or refuses the filters or facets.
    """
    request = encoded(in_use, query, stages)
    with stages.timed("retrieve"):
        candidates = _retrieved(in_use, request, stages)
    stages.degraded += [Degraded(*part) for part in candidates.degraded]
    return candidates


def encoded(in_use: InUse, query: Query, stages: Stages) -> Retrieve:
    """Return what the engine is asked, by words only where the vector cannot be made in time."""
    try:
        return stages.run("encode", partial(in_use.retriever.request, query, query.k))
    except Exception as error:  # without a vector the words still answer
        stages.lost("encode", error)
        return in_use.by_words().request(query, query.k)


def _retrieved(in_use: InUse, request: Retrieve, stages: Stages) -> Candidates:
    try:
        return in_use.retriever.retrieve(request)
    except EngineUnavailable:
        raise
    except EngineError as error:  # a new index may hold other vectors: the words still answer
        if request.vector is None:
            raise
        candidates = in_use.retriever.retrieve(replace(request, vector=None))
        log.error("searching by words only: %s", error)
        stages.degraded.append(Degraded("vector", str(error)))
        return candidates
