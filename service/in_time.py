"""What a request needs beside its ranking, within the deadline that it has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from search_rerank.answer import Degraded
from search_rerank.data.item import Item
from search_rerank.engines.base import Engine
from search_rerank.errors import EngineUnavailable, StateError
from search_rerank.guarding.aside import GivenUp, waited_for
from search_rerank.guarding.guards import Resting, reason_of
from search_rerank.last_good import STALE
from search_rerank.stages import Stages
from service.load import deadline

if TYPE_CHECKING:
    from search_rerank.pipeline import Pipeline

logger = logging.getLogger(__name__)
T = TypeVar("T")


def look_up(engine: Engine, ids: Sequence[str]) -> dict[str, Item]:
    """Return the items that the engine holds, by id."""
    found = engine.items(ids) if ids else []
    return {id_: item for id_, item in zip(ids, found, strict=True) if item is not None}


def items_of(
    pipeline: Pipeline, ids: Sequence[str], stale: bool = False
) -> tuple[Mapping[str, Item], list[Degraded]]:
    """Return items by id, as last known where the engine does not answer, and what is to be told.

    Parameters
    ----------
    stale
        Whether the engine did not answer this request before: then it is not waited for again.

    Raises
    ------
    EngineUnavailable
        Where nothing is kept for when the engine is away.
    """
    ask, kept = partial(look_up, pipeline.engine, ids), pipeline.last_good
    if kept is None:  # nothing could stand in for what is late: it is waited for
        return ask(), []
    if stale and len(known := kept.items(ids)) == len(ids):
        return known, [Degraded("items", STALE)]
    try:
        items = pipeline.guards.aside.one(ask, deadline())
    except (EngineUnavailable, GivenUp) as error:
        known = kept.items(ids)
        if isinstance(error, GivenUp) and len(known) < len(ids) and not stale:
            items = waited_for(error, ask)
        else:
            logger.info("giving items as they were last known: %s", error)
            return known, [Degraded("items", STALE if len(known) == len(ids) else "missing")]
    kept.keep_items(items.values())
    return items, []


def from_state(pipeline: Pipeline, read: Callable[[], T]) -> T:
    """Return what is read from the state.

    Raises
    ------
    StateError
        Also where the state is late, or was again and again.
    """
    stages = Stages(pipeline.guards, deadline())
    try:
        return stages.run("state", read, pipeline.guards.state)
    except (GivenUp, Resting) as error:
        raise StateError(f"the state did not answer: {reason_of(error)}") from None
