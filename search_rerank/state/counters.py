"""Counters that fade: how much was done with an item lately, and how often it was shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.arrays import named, part
from search_rerank.state.base import HALF_LIVES_DAYS, ItemCounts
from search_rerank.state.columns import Columns
from search_rerank.state.copies import copied
from search_rerank.state.fading import FadingSums, grown
from search_rerank.state.numbered import ItemNumbers


class Counters:
    """Decayed counts of items, fed many interactions and rankings at a time.

    Parameters
    ----------
    gains
        Weight of each interaction type; a type that is not listed counts nothing but its time.
    items
        Numbers of items, which other counters may share.
    """

    def __init__(self, gains: Mapping[str, float], items: ItemNumbers | None = None) -> None:
        self._gains = dict(gains)
        self._items = ItemNumbers() if items is None else items
        self._taken = FadingSums(HALF_LIVES_DAYS)
        self._shown = FadingSums(HALF_LIVES_DAYS)
        self._first_ms = np.zeros(0, dtype=np.int64)  # -1 for an item that nothing happened to

    def add_many(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Count interactions given as (item, type, time_ms)."""
        self.add(Columns.of(rows, self._items, self._gains))

    def add(self, told: Columns) -> None:
        """Count interactions with items of this object's numbers."""
        if not len(told.item):
            return
        self._grow()
        self._taken.add(told.item, told.weight, told.time_ms)
        unseen = told.item[self._first_ms[told.item] < 0]
        self._first_ms[unseen] = np.iinfo(np.int64).max
        np.minimum.at(self._first_ms, told.item, told.time_ms)

    def take_back(self, told: Columns) -> None:
        """Uncount interactions that were counted; first and last times stay."""
        self._grow()
        self._taken.take_back(told.item, told.weight, told.time_ms)

    def show_many(self, rows: Iterable[tuple[Sequence[str], int]]) -> None:
        """Count what was shown, given as (items, time_ms)."""
        number, time_ms = self._lists(rows)
        if len(number):
            self._grow()
            self._shown.add(number, np.ones(len(number)), time_ms)

    def take_back_shown(self, rows: Iterable[tuple[Sequence[str], int]]) -> None:
        """Uncount what was shown and counted."""
        number, time_ms = self._lists(rows)
        self._grow()
        self._shown.take_back(number, np.ones(len(number)), time_ms)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items at a moment, in the order asked."""
        self._grow()
        number = self._items.asked(items).astype(np.int64)
        number[number < 0] = len(self._items)  # a row that is never used
        first = self._first_ms[number]
        return ItemCounts(
            decayed=self._taken.at(number, now_ms).astype(np.float32),
            first_ms=first,
            last_ms=np.where(first < 0, -1, self._taken.last_ms[number]),
            shown=self._shown.at(number, now_ms).astype(np.float32),
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return copies of the counters, one row an item."""
        self._grow()
        n = len(self._items)
        return {
            "first_ms": copied(self._first_ms, slice(n)),
            **named("taken", self._taken.arrays(slice(n))),
            **named("shown", self._shown.arrays(slice(n))),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `arrays` returned, with the same items."""
        self._first_ms = arrays["first_ms"]
        self._taken.restore(part(arrays, "taken"))
        self._shown.restore(part(arrays, "shown"))

    def _lists(
        self, rows: Iterable[tuple[Sequence[str], int]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of each item of each list, and the list's time."""
        ids: list[str] = []
        size, time_ms = [], []
        for items, shown_ms in rows:
            ids += items
            size.append(len(items))
            time_ms.append(shown_ms)
        times = np.repeat(np.array(time_ms, dtype=np.int64), np.array(size, dtype=np.int64))
        return self._items.add_all(ids), times

    def _grow(self) -> None:
        """Have a row for each item, and one more."""
        size = len(self._items) + 1
        self._taken.grow(size)
        self._shown.grow(size)
        self._first_ms = grown(self._first_ms, size, fill=-1)
