"""A log of the past into a state."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import cast

from search_rerank.data.event import Interaction, Ranking, Told
from search_rerank.state.base import State

BATCH = 50_000
"""Events that are stored at once: the more, the fewer pages of an index are written for each."""
_UPKEEP_EVERY = 500_000
_YOUNG = 1
"""What came since the collector looked last."""


@dataclass(frozen=True)
class Imported:
    """What became of the events of a log.

    Parameters
    ----------
    read
        How many there were.
    new
        How many of them were stored; the others were known already, or are of shoppers of whom
        nothing is stored, or older than what is kept.
    """

    read: int = 0
    new: int = 0

    def __add__(self, other: Imported) -> Imported:
        return Imported(self.read + other.read, self.new + other.new)


def import_events(
    state: State,
    events: Iterable[Told | Ranking],
    now_ms: int,
    progress: Callable[[int], None],
    batch: int = BATCH,
) -> Imported:
    """Store a log, and do what the state's upkeep has to do meanwhile.

    What was stored before it is interrupted stays: the same log given again goes on from there.

    Parameters
    ----------
    progress
        Called with the number of events read so far.
    """
    source, read, new, due = iter(events), 0, 0, _UPKEEP_EVERY
    with _collected_seldom():
        while some := list(islice(source, batch)):
            new += _store(state, some)
            read += len(some)
            progress(read)
            if read >= due:
                state.maintain(now_ms)
                due = read + _UPKEEP_EVERY
            gc.collect(_YOUNG)
    return Imported(read, new)


def finish(state: State, now_ms: int) -> None:
    """Do all that the state's upkeep has to do after much was stored."""
    with _collected_seldom():
        while state.maintain(now_ms).more:
            gc.collect(_YOUNG)


def _store(state: State, events: Sequence[Told | Ranking]) -> int:
    done = [event for event in events if isinstance(event, Told)]
    # Told has the fields of an interaction, which are all that a state reads.
    new = state.append(cast(Sequence[Interaction], done))
    if len(done) < len(events):
        new += state.show([event for event in events if isinstance(event, Ranking)])
    return new


@contextmanager
def _collected_seldom() -> Iterator[None]:
    """Let nothing but the caller look for cycles: rows by the million are in none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
