"""What a recommendation starts from: the shopper's past, and the candidates of its scope."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from search_rerank.engines.base import Engine
from search_rerank.in_use import InUse
from search_rerank.query import Candidates
from search_rerank.recommend.candidates import PAST, Collector
from search_rerank.recommend.request import Recommend
from search_rerank.stages import Stages
from search_rerank.state.base import Past, State


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
    engine: Engine,
    in_use: InUse,
    state: State,
    stages: Stages,
) -> Candidates:
    """Return the candidates of a scope, without the opinions of scorers that are late.

    The engine is waited for: there is nothing to give instead.

    Raises
    ------
    EngineError
        When the engine is away, refuses the filters, or does not hold the item asked about.
    """
    with stages.timed("retrieve"):
        return Collector(engine, in_use, state, asked, past, stages).candidates()
