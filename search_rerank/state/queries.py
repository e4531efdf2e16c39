"""Queries that led somewhere: what was taken after each, and how many shoppers asked it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.ids import IdMap
from search_rerank.state.base import QUERY_HALF_LIVES_DAYS, SHARPNESS
from search_rerank.state.similar import SimilarTexts

MAX_QUERIES = 100_000
"""Different queries that are kept; of more, those that led to the fewest interactions go."""
MAX_SUGGESTED_CHARACTERS = 80
"""A longer query is counted and not suggested."""
_SLACK = 1.25
"""How far the number may pass the limit before the least used are dropped, all at once."""
_KNOWN_OF_FIRST = 8
_HALF_LIVES_MS = tuple(days * 86_400_000.0 for days in QUERY_HALF_LIVES_DAYS)
_NONE = (0.0,) * len(_HALF_LIVES_MS)
Columns = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]
"""Number of each item of a query, its faded gains, and the time at which they were that."""
Row = tuple[str, str, int, str | None, str | None, str | None]
"""Item, type, time_ms, query, user and session of one interaction."""


def normalise_query(text: str) -> str:
    """Return the form under which queries are counted: case folded, spaces collapsed."""
    return " ".join(text.casefold().split())


@dataclass
class _Query:
    """One query.

    Parameters
    ----------
    items
        Item id to its faded gains, one a half-life, and the time at which they were that.
    uses, last_ms
        How many interactions named it, and the time of the latest.
    first
        By what the first shopper is known: user and sessions; None once another asked it, too.
    columns
        The items once more, as arrays; None until they are asked for.
    """

    items: dict[str, tuple[tuple[float, ...], int]] = field(default_factory=dict)
    uses: int = 0
    last_ms: int = 0
    first: set[str] | None = field(default_factory=set)
    columns: Columns | None = None

    def as_columns(self, numbers: IdMap) -> Columns:
        """Return the items as arrays, numbered as in a map that holds them."""
        if self.columns is None:
            values = self.items.values()
            self.columns = (
                numbers.numbers(self.items),
                np.array([faded for faded, _ in values]),
                np.array([at for _, at in values], dtype=np.int64),
            )
        return self.columns


class QueryCounters:
    """Fading counts of (query, item) pairs, and the queries that several shoppers asked.

    Parameters
    ----------
    gains
        Weight of each interaction type; others count nothing, and are a use all the same.
    limit
        How many different queries are kept at least; a quarter more at most.
    """

    def __init__(self, gains: Mapping[str, float], limit: int = MAX_QUERIES) -> None:
        self._gains = dict(gains)
        self._limit = limit
        self._queries: dict[str, _Query] = {}
        self._items = IdMap()
        self._index()
        self._shared: list[str] = []
        self._in_order = True

    def __len__(self) -> int:
        return len(self._queries)

    def add_many(self, rows: Iterable[Row]) -> None:
        """Count interactions; those without a query are passed over."""
        for item, type_, time_ms, query, user, session in rows:
            if query is not None:
                self._add(normalise_query(query), item, type_, time_ms, user, session)

    def counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        counts = np.zeros((len(items), len(_HALF_LIVES_MS)), dtype=np.float32)
        found = self._queries.get(normalise_query(query))
        if found is None:
            return counts
        rows = [(n, found.items[item]) for n, item in enumerate(items) if item in found.items]
        if rows:
            value = np.array([faded for _, (faded, _) in rows])
            age = np.maximum(now_ms - np.array([at for _, (_, at) in rows]), 0)
            left = np.exp2(-age[:, None] / np.array(_HALF_LIVES_MS))
            counts[[n for n, _ in rows]] = value * left
        return counts

    def similar(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        shape = (len(items), len(SHARPNESS), len(_HALF_LIVES_MS))
        found, similarity = self._like(query)
        if not found or not len(items):
            return np.zeros(shape, dtype=np.float32)
        parts = [kept.as_columns(self._items) for kept in found]
        number, value, at = (np.concatenate(column) for column in zip(*parts, strict=True))
        asked = self._items.numbers(items)
        order = np.argsort(asked, kind="stable")
        place = order[np.minimum(np.searchsorted(asked[order], number), len(items) - 1)]
        wanted = np.flatnonzero(asked[place] == number)
        age = np.maximum(now_ms - at[wanted], 0)
        left = value[wanted] * np.exp2(-age[:, None] / np.array(_HALF_LIVES_MS))
        near = np.repeat(similarity, [len(part[0]) for part in parts])[wanted]
        says = (near[:, None] ** np.array(SHARPNESS))[:, :, None] * left[:, None, :]
        sums = np.zeros(shape)
        np.add.at(sums, place[wanted], says)
        return sums.astype(np.float32)

    def _like(self, query: str) -> tuple[list[_Query], NDArray[np.float64]]:
        """Return the past queries that have a say, and how similar they are, the same one first."""
        text = normalise_query(query)
        number, similarity = self._texts.like(text)
        found = [self._numbered[n] for n in number.tolist()]
        same = self._queries.get(text)
        if same is None:
            return found, similarity
        other = np.array([one is not same for one in found], dtype=bool)
        rest = [one for one in found if one is not same]
        return [same, *rest], np.concatenate([[1.0], similarity[other]])

    def starting_with(self, prefix: str, n: int) -> list[tuple[str, int]]:
        """Return the n most used queries that begin with a text and that two shoppers asked."""
        start = normalise_query(prefix)
        if start and prefix[-1:].isspace():
            start += " "
        if not self._in_order:
            self._shared.sort()
            self._in_order = True
        low = bisect_left(self._shared, start)
        high = bisect_left(self._shared, start + "\U0010ffff", low)
        found = ((query, self._queries[query].uses) for query in self._shared[low:high])
        return nlargest(n, found, key=lambda pair: (pair[1], _backwards(pair[0])))

    def _add(
        self,
        query: str,
        item: str,
        type_: str,
        time_ms: int,
        user: str | None,
        session: str | None,
    ) -> None:
        kept = self._queries.get(query)
        if kept is None:
            kept = self._queries[query] = _Query()
            self._texts.add(query)
            self._numbered.append(kept)
        kept.uses += 1
        kept.last_ms = max(kept.last_ms, time_ms)
        before, at = kept.items.get(item, (_NONE, time_ms))
        latest = max(at, time_ms)
        gain = self._gains.get(type_, 0.0)
        faded = tuple(
            value * 2.0 ** ((at - latest) / half_life)
            + gain * 2.0 ** ((time_ms - latest) / half_life)
            for value, half_life in zip(before, _HALF_LIVES_MS, strict=True)
        )
        kept.items[item] = (faded, latest)
        kept.columns = None
        self._items.add(item)
        if kept.first is not None:
            self._meet(query, kept, user, session)
        if len(self._queries) > self._limit * _SLACK:
            self._drop_least_used()

    def _meet(self, query: str, kept: _Query, user: str | None, session: str | None) -> None:
        """Note who asked: a visitor who then logs in is the same one."""
        known = {f"{kind}{name}" for kind, name in (("u", user), ("s", session)) if name}
        if kept.first and not kept.first & known:
            kept.first = None
            if query and len(query) <= MAX_SUGGESTED_CHARACTERS:
                self._shared.append(query)
                self._in_order = False
        elif kept.first is not None and len(kept.first) < _KNOWN_OF_FIRST:
            kept.first |= known

    def _drop_least_used(self) -> None:
        most = nlargest(
            self._limit, self._queries.items(), key=lambda pair: (pair[1].uses, pair[1].last_ms)
        )
        kept = {query for query, _ in most}
        self._queries = {query: row for query, row in self._queries.items() if query in kept}
        self._shared = [query for query in self._shared if query in kept]
        self._index()

    def _index(self) -> None:
        """Make the index of similar queries anew from those that are kept."""
        self._texts = SimilarTexts(self._queries)
        self._numbered = list(self._queries.values())


def _backwards(text: str) -> tuple[int, ...]:
    """Return a key under which texts are in falling order: ties of use are in rising order."""
    return tuple(-ord(character) for character in text) + (1,)
