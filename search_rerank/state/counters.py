"""Counters that fade: how much was done with an item lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.ids import IdMap
from search_rerank.state.base import HALF_LIVES_DAYS, ItemCounts

_DAY_MS = 86_400_000.0
_HALF_LIVES_MS = np.array(HALF_LIVES_DAYS) * _DAY_MS


class Counters:
    """Decayed counts of items, fed many interactions at a time.

    Each row is kept as its value at its own latest event, so that neither a long log nor a short
    half-life overflows, and events may come out of order.

    Parameters
    ----------
    gains
        Weight of each interaction type; a type that is not listed counts nothing but its time.
    """

    def __init__(self, gains: Mapping[str, float]) -> None:
        self._gains = dict(gains)
        self._items = IdMap()
        self._value = np.zeros((64, len(HALF_LIVES_DAYS)))
        self._first = np.full(64, -1, dtype=np.int64)
        self._last = np.full(64, -1, dtype=np.int64)

    def add_many(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Count interactions given as (item, type, time_ms)."""
        rows = list(rows)
        if not rows:
            return
        number = np.array([self._items.add(item) for item, _, _ in rows])
        gain = np.array([self._gains.get(type_, 0.0) for _, type_, _ in rows])
        time = np.array([time_ms for _, _, time_ms in rows], dtype=np.int64)
        self._grow(len(self._items))
        touched = np.unique(number)
        before = self._last[touched]
        np.maximum.at(self._last, number, time)
        elapsed = np.where(before >= 0, self._last[touched] - before, 0)
        self._value[touched] *= _fade(elapsed)
        np.add.at(self._value, number, gain[:, None] * _fade(self._last[number] - time))
        unseen = touched[self._first[touched] < 0]
        self._first[unseen] = self._last[unseen]
        np.minimum.at(self._first, number, time)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items at a moment, in the order asked."""
        number = self._items.numbers(items)
        known = number >= 0
        last = np.where(known, self._last[number], -1)
        faded = self._value[number] * _fade(np.maximum(now_ms - last, 0))
        return ItemCounts(
            decayed=np.where(known[:, None], faded, 0.0).astype(np.float32),
            first_ms=np.where(known, self._first[number], -1),
            last_ms=last,
        )

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
