"""What a recommendation starts from: the shopper's past, and the candidates of its scope."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from search_rerank.answer import Degraded
from search_rerank.errors import EngineUnavailable
from search_rerank.in_use import InUse
from search_rerank.last_good import STALE, LastGood
from search_rerank.query import Candidates
from search_rerank.recommend.candidates import PAST, Collector
from search_rerank.recommend.request import Recommend
from search_rerank.stages import Stages
from search_rerank.state.base import Past, State

log = logging.getLogger(__name__)


def past_of(asked: Recommend, state: State, stages: Stages) -> Sequence[Past]:
    """Return what the shopper did, oldest first, nothing where that cannot be read in time."""
    read = partial(state.history, asked.user, asked.session, PAST)
    try:
        return stages.run("state", read, stages.guards.state)
    except Exception as error:  # what everyone gets is an answer, too
        stages.lost("state", error)
        return []


def collected(
    asked: Recommend,
    past: Sequence[Past],
    in_use: InUse,
    state: State,
    stages: Stages,
    last_good: LastGood | None = None,
) -> Candidates:
    """Return the candidates of a scope, without the opinions of scorers that are late.

    While the engine is away they are what `Collector.last_known` knows; one that is late is waited
    for.

    Raises
    ------
    EngineError
        When the engine is away and nothing is known, when it refuses the filters, or does not hold
        the item asked about.
    """
    collector = Collector(in_use, state, asked, past, stages, last_good)
    with stages.timed("retrieve"):
        try:
            return collector.candidates()
        except EngineUnavailable as error:
            known = collector.last_known()
            if known is None:
                raise
            log.info("recommending what was last in demand: %s", error)
            stages.degraded.append(Degraded("retrieve", STALE))
            return known
