"""Queries that led somewhere: what was taken after each, and how many shoppers asked it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.arrays import named, pack_texts, part, unpack_texts
from search_rerank.state.askers import Askers, Name
from search_rerank.state.base import QUERY_HALF_LIVES_DAYS, SHARPNESS
from search_rerank.state.columns import Columns
from search_rerank.state.copies import copied
from search_rerank.state.fading import grown
from search_rerank.state.hashed import Hashed
from search_rerank.state.numbered import ItemNumbers
from search_rerank.state.pairs import QueryItems
from search_rerank.state.similar import SimilarTexts
from search_rerank.state.suggested import Suggested

MAX_QUERIES = 100_000
"""Different queries that are kept; of more, those that led to the fewest interactions go."""
MAX_PAIRS = 1_000_000
"""Pairs of a query and an item that are kept; of more, those that count least go."""
MAX_SUGGESTED_CHARACTERS = 80
"""A longer query is counted and not suggested."""
_SLACK = 1.25
"""How far the number may pass the limit before the least used are dropped, all at once."""
_MAX_LOOKED_AT = 100_000
"""Pairs that are looked at for the votes of similar queries."""
Row = tuple[str, str, int, str | None, Name, Name]
"""Item, type, time_ms, query, user and session of one interaction."""


def normalise_query(text: str) -> str:
    """Return the form under which queries are counted: case folded, spaces collapsed."""
    return " ".join(text.casefold().split())


def normal_prefix(typed: str) -> str:
    """Return what queries in that form begin with if they go on from what was typed so far."""
    text = normalise_query(typed)
    return f"{text} " if text and typed[-1:].isspace() else text


class QueryCounters:
    """Fading counts of (query, item) pairs, and the queries that several shoppers asked.

    Parameters
    ----------
    gains
        Weight of each interaction type; others count nothing, and are a use all the same.
    limit
        How many different queries are kept at least; a quarter more at most.
    max_pairs
        How many pairs are kept at least; a quarter more at most.
    items
        Numbers of items, which other counters may share.
    hashed
        Under which shoppers are known; left out, under a key of its own.
    """

    def __init__(
        self,
        gains: Mapping[str, float],
        limit: int = MAX_QUERIES,
        max_pairs: int = MAX_PAIRS,
        items: ItemNumbers | None = None,
        hashed: Hashed | None = None,
    ) -> None:
        self._gains = dict(gains)
        self._limit = limit
        self._items = ItemNumbers() if items is None else items
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        """The query of each number; that of one that was taken back is empty."""
        self._uses = np.zeros(0, dtype=np.int64)
        self._last_ms = np.zeros(0, dtype=np.int64)
        self._askers = Askers(Hashed() if hashed is None else hashed)
        self._pairs = QueryItems(max_pairs)
        self._similar = SimilarTexts()
        self._suggested = Suggested()

    def __len__(self) -> int:
        return len(self._numbers)

    def add_many(self, rows: Iterable[Row]) -> None:
        """Count interactions; those without a query are passed over."""
        rows = list(rows)
        self.add(rows, Columns.of(rows, self._items, self._gains))

    def add(self, rows: Sequence[Row], told: Columns) -> None:
        """Count interactions, given as columns, too, with items of this object's numbers."""
        most = int(self._limit * _SLACK)
        normal: dict[str, int] = {}
        asked: list[int] = []
        where: list[int] = []
        settled = self._askers.settled
        for n, (_, _, _, query, user, session) in enumerate(rows):
            if query is None:
                continue
            number = normal.get(query)
            if number is None:
                number = normal[query] = self._number(normalise_query(query))
                settled = self._askers.settled
            asked.append(number)
            where.append(n)
            if not settled[number] and self._askers.meet(number, user, session):
                self._suggest(number)
            if len(self._texts) > most:
                self._count(asked, told.part(np.array(where)))
                self._keep_most_used()
                asked, where, normal = [], [], {}
        self._count(asked, told.part(np.array(where, dtype=np.int64)))

    def take_back(self, rows: Sequence[Row], told: Columns) -> None:
        """Uncount interactions of one shopper; a query that nobody else used is forgotten."""
        of: dict[int, list[int]] = {}
        for n, row in enumerate(rows):
            number = None if row[3] is None else self._numbers.get(normalise_query(row[3]))
            if number is not None:
                of.setdefault(number, []).append(n)
        for number, own in of.items():
            taken = told.part(np.array(own))
            self._pairs.take_back(np.full(len(own), number), *taken)
            who = {rows[n][4:] for n in own}
            others = self._askers.forget(number, who)
            if not self._askers.shared[number]:
                self._suggested.remove(self._texts[number])
            # Those that were dropped before the query came back are not taken from others.
            least = int(others and (None, None) not in who)
            self._uses[number] = max(self._uses[number] - len(own), least)
            if not self._uses[number]:
                self._forget(number)

    def counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        counts = np.zeros((len(items), len(QUERY_HALF_LIVES_DAYS)), dtype=np.float32)
        number = self._numbers.get(normalise_query(query))
        if number is None:
            return counts
        self._items.asked(items)
        place = self._pairs.places(np.array([number]))
        wanted, at = self._items.find(self._pairs.items(place))
        counts[at] = self._pairs.at(place.take(wanted), now_ms)
        return self._items.spread(counts)

    def similar(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        columns, n = (len(SHARPNESS), len(QUERY_HALF_LIVES_DAYS)), len(items)
        found, similarity = self._like(query)
        if not len(found):
            return np.zeros((n, *columns), dtype=np.float32)
        self._items.asked(items)
        ends = self._pairs.sizes(found).cumsum()
        looked_at = max(int(ends.searchsorted(_MAX_LOOKED_AT, "right")), 1)
        place = self._pairs.places(found[:looked_at])
        wanted, at = self._items.find(self._pairs.items(place))
        whose = ends.searchsorted(wanted, "right")
        near = (similarity ** np.array(SHARPNESS)[:, None]).take(whose, axis=1)
        gains = near[:, None] * self._pairs.at(place.take(wanted), now_ms).T  # (*columns, pairs)
        cell = at + n * np.arange(gains.shape[0] * gains.shape[1])[:, None]
        sums = np.bincount(cell.ravel(), weights=gains.ravel(), minlength=n * len(cell))
        votes = sums.astype(np.float32).reshape(*columns, n).transpose(2, 0, 1)
        return self._items.spread(votes)

    def starting_with(self, prefix: str, n: int) -> list[tuple[str, int]]:
        """Return the n most used queries that begin with a text and that two shoppers asked."""
        start = normal_prefix(prefix)
        return self._suggested.starting_with(start, n, lambda q: int(self._uses[self._numbers[q]]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return copies of the counters, one row a query."""
        kept = np.array(list(self._numbers.values()), dtype=np.int64)
        text, length = pack_texts(list(self._numbers))
        return {
            "text": text,
            "length": length,
            "uses": copied(self._uses, kept),
            "last_ms": copied(self._last_ms, kept),
            **named("askers", self._askers.arrays(kept)),
            **named("pairs", self._pairs.arrays(kept)),
            **named("similar", self._similar.arrays(kept)),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `arrays` returned, with the same items."""
        self._texts = unpack_texts(arrays["text"], arrays["length"])
        self._numbers = {text: number for number, text in enumerate(self._texts)}
        self._uses, self._last_ms = arrays["uses"], arrays["last_ms"]
        self._askers.restore(part(arrays, "askers"))
        self._pairs.restore(part(arrays, "pairs"))
        self._similar.restore(part(arrays, "similar"))
        for number in np.flatnonzero(self._askers.shared).tolist():
            self._suggest(number)

    def _like(self, query: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the past queries that have a say, and how similar they are, the same one first."""
        text = normalise_query(query)
        found, similarity = self._similar.like(text)
        same = self._numbers.get(text)
        if same is None:
            return found, similarity
        other = found != same
        return np.append(same, found[other]), np.append(1.0, similarity[other])

    def _number(self, text: str) -> int:
        number = self._numbers.setdefault(text, len(self._texts))
        if number == len(self._texts):
            self._texts.append(text)
            self._similar.add(text)
            self._askers.grow(number + 1)
            self._uses = grown(self._uses, number + 1)
            self._last_ms = grown(self._last_ms, number + 1)
        return number

    def _count(self, asked: Sequence[int], told: Columns) -> None:
        """Count interactions after queries of these numbers."""
        if not asked:
            return
        query = np.array(asked, dtype=np.int64)
        np.add.at(self._uses, query, 1)
        np.maximum.at(self._last_ms, query, told.time_ms)
        self._pairs.add(query, *told)

    def _suggest(self, number: int) -> None:
        if 0 < len(self._texts[number]) <= MAX_SUGGESTED_CHARACTERS:
            self._suggested.add(self._texts[number])

    def _forget(self, number: int) -> None:
        text = self._texts[number]
        self._texts[number] = ""
        self._similar.remove(number, text)
        self._pairs.remove(number)
        del self._numbers[text]

    def _keep_most_used(self) -> None:
        n = len(self._texts)
        rank = np.lexsort((np.arange(n), -self._last_ms[:n], -self._uses[:n]))[: self._limit]
        kept = np.sort(rank[self._uses[rank] > 0])
        self._texts = [self._texts[number] for number in kept.tolist()]
        self._numbers = {text: number for number, text in enumerate(self._texts)}
        self._uses, self._last_ms = self._uses[kept], self._last_ms[kept]
        self._askers.renumber(kept)
        self._pairs.renumber(kept)
        self._similar.keep(kept)
        self._suggested.keep(self._numbers)
