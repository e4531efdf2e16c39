"""Counters that fade: how much was done with an item lately, in all and for a query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.ids import IdMap
from search_rerank.state.base import HALF_LIVES_DAYS, ItemCounts

_DAY_MS = 86_400_000.0
_HALF_LIVES_MS = np.array(HALF_LIVES_DAYS) * _DAY_MS
_QUERY_HALF_LIFE_MS = 30 * _DAY_MS


def normalise_query(text: str) -> str:
    """Return the form under which queries are counted: case folded, spaces collapsed."""
    return " ".join(text.casefold().split())


class Counters:
    """Decayed counts of items and of (query, item) pairs, fed one interaction at a time or many.

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
        self._queries: dict[str, dict[str, tuple[float, int]]] = {}

    def add(self, item: str, type: str, time_ms: int, query: str | None) -> None:
        """Count one interaction."""
        self.add_many([(item, type, time_ms, query)])

    def add_many(self, rows: Iterable[tuple[str, str, int, str | None]]) -> None:
        """Count interactions given as (item, type, time_ms, query)."""
        rows = list(rows)
        if not rows:
            return
        number = np.array([self._items.add(item) for item, _, _, _ in rows])
        gain = np.array([self._gains.get(type_, 0.0) for _, type_, _, _ in rows])
        time = np.array([time_ms for _, _, time_ms, _ in rows], dtype=np.int64)
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
        for (item, _, time_ms, query), weight in zip(rows, gain.tolist(), strict=True):
            if query is not None:
                self._add_query(normalise_query(query), item, weight, time_ms)

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

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n,), decayed gains of interactions that named this query."""
        counts = self._queries.get(normalise_query(query))
        if not counts:
            return np.zeros(len(items), dtype=np.float32)
        none = (0.0, now_ms)
        found = [counts.get(item, none) for item in items]
        value = np.array([pair[0] for pair in found])
        age = np.maximum(now_ms - np.array([pair[1] for pair in found]), 0)
        faded: NDArray[np.float32] = (value * np.exp2(-age / _QUERY_HALF_LIFE_MS)).astype(
            np.float32
        )
        return faded

    def _add_query(self, query: str, item: str, weight: float, time_ms: int) -> None:
        counts = self._queries.setdefault(query, {})
        value, at = counts.get(item, (0.0, time_ms))
        latest = max(at, time_ms)
        value *= 2.0 ** (-(latest - at) / _QUERY_HALF_LIFE_MS)
        counts[item] = (value + weight * 2.0 ** (-(latest - time_ms) / _QUERY_HALF_LIFE_MS), latest)

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
