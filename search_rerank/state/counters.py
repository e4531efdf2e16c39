"""Counters that fade: how much was done with an item lately, and how often it was shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.ids import IdMap
from search_rerank.state.base import HALF_LIVES_DAYS, ItemCounts

_DAY_MS = 86_400_000.0
_HALF_LIVES_MS = np.array(HALF_LIVES_DAYS) * _DAY_MS


class Counters:
    """Decayed counts of items, fed many interactions and rankings at a time.

    Parameters
    ----------
    gains
        Weight of each interaction type; a type that is not listed counts nothing but its time.
    """

    def __init__(self, gains: Mapping[str, float]) -> None:
        self._gains = dict(gains)
        self._taken = _Fading()
        self._shown = _Fading()

    def add_many(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Count interactions given as (item, type, time_ms)."""
        self._taken.add((item, self._gains.get(type_, 0.0), time) for item, type_, time in rows)

    def show_many(self, rows: Iterable[tuple[Sequence[str], int]]) -> None:
        """Count what was shown, given as (items, time_ms)."""
        self._shown.add((item, 1.0, time) for items, time in rows for item in items)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items at a moment, in the order asked."""
        decayed, first, last = self._taken.at(items, now_ms)
        shown, _, _ = self._shown.at(items, now_ms)
        return ItemCounts(decayed=decayed, first_ms=first, last_ms=last, shown=shown)


class _Fading:
    """Sums of weights under the half-lives, one row an item.

    Each row is kept as its value at its own latest event, so that neither a long log nor a short
    half-life overflows, and events may come out of order.
    """

    def __init__(self) -> None:
        self._items = IdMap()
        self._value = np.zeros((64, len(HALF_LIVES_DAYS)))
        self._first = np.full(64, -1, dtype=np.int64)
        self._last = np.full(64, -1, dtype=np.int64)

    def add(self, events: Iterable[tuple[str, float, int]]) -> None:
        """Add (item, weight, time_ms)."""
        rows = list(events)
        if not rows:
            return
        number = np.array([self._items.add(item) for item, _, _ in rows])
        weight = np.array([weight for _, weight, _ in rows])
        time = np.array([time_ms for _, _, time_ms in rows], dtype=np.int64)
        self._grow(len(self._items))
        touched = np.unique(number)
        before = self._last[touched]
        np.maximum.at(self._last, number, time)
        elapsed = np.where(before >= 0, self._last[touched] - before, 0)
        self._value[touched] *= _fade(elapsed)
        np.add.at(self._value, number, weight[:, None] * _fade(self._last[number] - time))
        unseen = touched[self._first[touched] < 0]
        self._first[unseen] = self._last[unseen]
        np.minimum.at(self._first, number, time)

    def at(
        self, items: Sequence[str], now_ms: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Return the sums, float32 (n, half-lives), and the first and last times, -1 for none."""
        number = self._items.numbers(items)
        known = number >= 0
        last = np.where(known, self._last[number], -1)
        faded = self._value[number] * _fade(np.maximum(now_ms - last, 0))
        sums = np.where(known[:, None], faded, 0.0).astype(np.float32)
        return sums, np.where(known, self._first[number], -1), last

    def _grow(self, size: int) -> None:
        if size <= len(self._last):
            return
        more = max(size, 2 * len(self._last)) - len(self._last)
        self._value = np.vstack([self._value, np.zeros((more, self._value.shape[1]))])
        self._first = np.concatenate([self._first, np.full(more, -1, dtype=np.int64)])
        self._last = np.concatenate([self._last, np.full(more, -1, dtype=np.int64)])


def _fade(age_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return 2 ** -(age / half-life), float64 (n, half-lives)."""
    faded: NDArray[np.float64] = np.exp2(-age_ms[:, None] / _HALF_LIVES_MS)
    return faded
