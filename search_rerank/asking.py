"""Candidates of a query, whatever part of the retrieval fails: only the engine away is an error."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from search_rerank.answer import Degraded
from search_rerank.engines.base import Retrieve
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.guarding.aside import GivenUp
from search_rerank.in_use import InUse
from search_rerank.last_good import STALE, LastGood
from search_rerank.query import Candidates, Query
from search_rerank.stages import Stages

log = logging.getLogger(__name__)


def candidates_of(
    in_use: InUse, query: Query, stages: Stages, last_good: LastGood | None = None
) -> Candidates:
    """Return what the engine finds for a query, or last found for it where it does not answer.

    An engine that is late is waited for where there is nothing to give instead.

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
    ask = partial(_retrieved, in_use, request)
    try:
        candidates, short = stages.run("retrieve", ask)
    except (EngineUnavailable, GivenUp) as error:
        known = last_good.found(request) if last_good is not None else None
        if known is not None:
            log.info("giving what was last found: %s", error)
            stages.degraded.append(Degraded("retrieve", STALE))
            return known
        if isinstance(error, EngineUnavailable):
            raise
        candidates, short = stages.after_all("retrieve", error, ask)
    if last_good is not None:
        last_good.keep(request, candidates)
    stages.degraded += short + [Degraded(*part) for part in candidates.degraded]
    return candidates


def encoded(in_use: InUse, query: Query, stages: Stages) -> Retrieve:
    """Return what the engine is asked, by words only where the vector cannot be made in time."""
    try:
        return stages.run("encode", partial(in_use.retriever.request, query, query.k))
    except Exception as error:  # without a vector the words still answer
        stages.lost("encode", error)
        return in_use.by_words().request(query, query.k)


def _retrieved(in_use: InUse, request: Retrieve) -> tuple[Candidates, list[Degraded]]:
    try:
        return in_use.retriever.retrieve(request), []
    except EngineUnavailable:
        raise
    except EngineError as error:  # a new index may hold other vectors: the words still answer
        if request.vector is None:
            raise
        candidates = in_use.retriever.retrieve(replace(request, vector=None))
        log.error("searching by words only: %s", error)
        return candidates, [Degraded("vector", str(error))]
