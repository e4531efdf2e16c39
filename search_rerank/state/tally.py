"""Everything that a state counts, in one object that its snapshot can be taken of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.arrays import named, pack_texts, part, unpack_texts
from search_rerank.state.base import ItemCounts
from search_rerank.state.columns import Columns
from search_rerank.state.counters import Counters
from search_rerank.state.hashed import Hashed
from search_rerank.state.numbered import ItemNumbers
from search_rerank.state.queries import QueryCounters, Row

Page = tuple[Sequence[str], int]
"""Items and time_ms of one ranking."""
_AT_ONCE = 50_000
Arrays = dict[str, NDArray[Any]]


class Tally:
    """Counters of items, of queries with items, and of queries like them.

    Not for several threads at once.

    Parameters
    ----------
    gains
        Weight of each interaction type.
    hashed
        Under which shoppers are known, so that rows may name them by `short` of their hashes; left
        out, under a key of its own.
    items
        Items that are counted already, in order of their numbers.
    """

    def __init__(
        self,
        gains: Mapping[str, float],
        hashed: Hashed | None = None,
        items: Sequence[str] = (),
    ) -> None:
        self.gains = dict(gains)
        self._numbers = ItemNumbers(items)
        self._items = Counters(gains, self._numbers)
        self._queries = QueryCounters(gains, items=self._numbers, hashed=hashed)

    def add(self, rows: Iterable[Row]) -> None:
        """Count interactions."""
        rows = list(rows)
        for begin in range(0, len(rows), _AT_ONCE):
            some = rows[begin : begin + _AT_ONCE]
            told = Columns.of(some, self._numbers, self.gains)
            self._items.add(told)
            self._queries.add(some, told)

    def show(self, pages: Iterable[Page]) -> None:
        """Count what was shown."""
        self._items.show_many(pages)

    def take_back(self, rows: Iterable[Row], pages: Iterable[Page] = ()) -> None:
        """Uncount what one shopper did and was shown; items' first and last times stay."""
        rows = list(rows)
        told = Columns.of(rows, self._numbers, self.gains)
        self._items.take_back(told)
        self._items.take_back_shown(pages)
        self._queries.take_back(rows, told)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        return self._items.item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        return self._queries.counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        return self._queries.similar(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        return self._queries.starting_with(prefix, n)

    def arrays(self) -> Arrays:
        """Return copies of all counters, of numbers only."""
        blob, length = pack_texts(self._numbers.ids())
        return {
            "ids.text": blob,
            "ids.length": length,
            **named("items", self._items.arrays()),
            **named("queries", self._queries.arrays()),
        }

    @classmethod
    def from_arrays(cls, gains: Mapping[str, float], arrays: Arrays) -> Tally:
        """Return the counters that `arrays` was taken of, with the same gains."""
        tally = cls(gains, items=unpack_texts(arrays["ids.text"], arrays["ids.length"]))
        tally._items.restore(part(arrays, "items"))
        tally._queries.restore(part(arrays, "queries"))
        return tally
