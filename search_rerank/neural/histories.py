"""What each actor did, in time order, as numbers end to end: what neural scorers learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events

PADDING = -1


@dataclass(frozen=True)
class Histories:
    """Item numbers of every actor, oldest first; who the actor was is not kept.

    Parameters
    ----------
    item
        int32 (n,), one actor after another.
    starts
        int64 (actors + 1,): actor j had ``item[starts[j]:starts[j + 1]]``.
    """

    item: NDArray[np.int32]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, events: Events, gains: Mapping[str, float], *, now_ms: int) -> Histories:
        """Return the interactions before now whose type has a strength above 0."""
        past = events.before(now_ms)
        past = past.where(past.weights(dict(gains)) > 0)
        actor = past.actor()
        order = np.argsort(actor, kind="stable")
        _, first = np.unique(actor[order], return_index=True)
        return cls(past.item[order], np.append(first, len(actor)).astype(np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def lengths(self) -> NDArray[np.int64]:
        """Return how many items each has, int64 (actors,)."""
        return np.diff(self.starts)

    def actor(self) -> NDArray[np.int64]:
        """Return whose each item is, int64 (n,), 0 to actors - 1."""
        return np.repeat(np.arange(len(self)), self.lengths())

    def known(self, n_items: int) -> NDArray[np.bool_]:
        """Return which items occur, bool (n_items,)."""
        return np.bincount(self.item, minlength=n_items) > 0

    def windows(self, length: int) -> Histories:
        """Return pieces of at most `length` items, the newest one full where it can be.

        Two pieces share one item, so that each item but the first is once what comes next. Pieces
        of one item, which has nothing next, are left out.
        """
        first, last = [], []
        for start, end in zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True):
            while end - start > 1:
                first.append(max(start, end - length))
                last.append(end)
                end = first[-1] + 1
        lengths = np.array(last, dtype=np.int64) - np.array(first, dtype=np.int64)
        starts = np.append(0, np.cumsum(lengths)).astype(np.int64)
        rows = np.arange(starts[-1]) + np.repeat(np.array(first, np.int64) - starts[:-1], lengths)
        return Histories(self.item[rows], starts)

    def last_held_out(self, n: int, least: int = 3) -> HeldOut:
        """Hold out the last item of n actors, spread evenly over those with `least` items or more.

        Where one of them has had the item before, it stays in the history and is asked for again.
        """
        able = np.flatnonzero(self.lengths() >= least)
        if len(able) > n:
            able = able[np.linspace(0, len(able) - 1, n).astype(int)]
        target = self.starts[able + 1] - 1
        kept = np.ones(len(self.item), dtype=np.bool_)
        kept[target] = False
        starts = np.append(0, np.cumsum(kept))[self.starts].astype(np.int64)
        return HeldOut(Histories(self.item[kept], starts), able, self.item[target])

    def padded(self, actors: NDArray[np.int64], length: int) -> NDArray[np.int32]:
        """Return the newest items of some actors, int32 (len(actors), length), newest last.

        Shorter ones begin with `PADDING`.
        """
        place = self.starts[actors + 1][:, None] + np.arange(-length, 0)
        inside = place >= self.starts[actors][:, None]
        return np.where(inside, self.item[np.where(inside, place, 0)], PADDING).astype(np.int32)


@dataclass(frozen=True)
class HeldOut:
    """Histories without some actors' last item, and what it was.

    Parameters
    ----------
    histories
        All actors; those asked lack their last item.
    actors
        int64 (asked,), numbers in `histories`.
    target
        int32 (asked,), the item that came next.
    """

    histories: Histories
    actors: NDArray[np.int64]
    target: NDArray[np.int32]
