"""Fading counts of (query, item) pairs in few arrays, those of one query side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.arrays import named, part
from search_rerank.state.base import QUERY_HALF_LIVES_DAYS
from search_rerank.state.copies import copied, paged
from search_rerank.state.fading import FadingSums, grown

Numbers = NDArray[np.int64]
_SLACK = 1.25
"""How far the number may pass the limit before the weakest are dropped, all at once."""
_AT_ONCE = 2048
"""Queries whose pairs are looked up at a time when all are copied."""
_UNUSED = 0.25
"""Share of the places left behind at which all stretches are put side by side again."""


class QueryItems:
    """Counts of numbered queries and items, in one pool of places.

    Each query has a stretch of the pool with some room; one that is full moves to the end, twice as
    long. What it leaves behind is used again when all are put side by side.

    Parameters
    ----------
    limit
        How many pairs are kept at least, and a quarter more at most; of more, those go that count
        least under the longest half-life, all at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sums = FadingSums(QUERY_HALF_LIVES_DAYS)
        self._item = np.zeros(0, dtype=np.int32)  # (places,)
        self._start = np.zeros(0, dtype=np.int64)  # (queries,)
        self._size = np.zeros(0, dtype=np.int64)  # (queries,)
        self._room = np.zeros(0, dtype=np.int64)  # (queries,)
        self._end = 0
        self._pairs = 0

    def __len__(self) -> int:
        return self._pairs

    def add(
        self, query: Numbers, item: Numbers, weight: NDArray[np.float64], time_ms: Numbers
    ) -> None:
        """Count weights of pairs, all (n,), as if they were given one by one."""
        most = int(self._limit * _SLACK)
        while len(query):
            self._know(int(query.max()) + 1)
            key, first, inverse = np.unique(
                query << 32 | item, return_index=True, return_inverse=True
            )
            offset = self._offsets(key)
            missing = np.flatnonzero(offset < 0)
            n, free = len(query), most - self._pairs
            if len(missing) > free:
                n = int(np.sort(first[missing])[free]) + 1  # the one that is too many goes with it
                if n < len(query):
                    inverse = inverse[:n]
                    within = np.zeros(len(key), dtype=bool)
                    within[inverse] = True
                    missing = missing[within[missing]]
            offset[missing] = self._append(key[missing])
            place = self._start[key >> 32] + offset
            self._sums.add(place[inverse], weight[:n], time_ms[:n])
            if len(missing) > free:
                self._keep_strongest()
            query, item, weight, time_ms = query[n:], item[n:], weight[n:], time_ms[n:]

    def take_back(
        self, query: Numbers, item: Numbers, weight: NDArray[np.float64], time_ms: Numbers
    ) -> None:
        """Subtract weights that were added, all (n,); those of pairs not kept are passed over."""
        key, inverse = np.unique(query << 32 | item, return_inverse=True)
        offset = self._offsets(key)
        place = self._start[key >> 32] + offset
        kept = offset[inverse] >= 0
        self._sums.take_back(place[inverse][kept], weight[kept], time_ms[kept])

    def places(self, queries: Numbers) -> Numbers:
        """Return where the pairs of queries are, int64 (pairs,), query by query."""
        return _ranges(self._start[queries], self._size[queries])

    def sizes(self, queries: Numbers) -> Numbers:
        """Return how many pairs each query has."""
        return self._size[queries]

    def items(self, place: Numbers) -> NDArray[np.int32]:
        """Return the items of places."""
        return self._item.take(place)

    def at(self, place: Numbers, now_ms: int) -> NDArray[np.float64]:
        """Return the sums of places at a moment, float64 (n, half-lives)."""
        return self._sums.at(place, now_ms)

    def remove(self, query: int) -> None:
        """Drop the pairs of a query."""
        self._pairs -= int(self._size[query])
        self._size[query] = 0

    def renumber(self, kept: Numbers) -> None:
        """Keep some queries, which are numbered from 0 in this order, and drop all others."""
        self._know(int(kept.max(initial=-1)) + 1)
        self._put(self.places(kept), self._size[kept])

    def arrays(self, queries: Numbers) -> dict[str, NDArray[Any]]:
        """Return the pairs of queries in turn: `size` (queries,), the rest (pairs, ...)."""
        size = self._size[queries]
        place, end = paged((int(size.sum()),), np.int64), 0
        for begin in range(0, len(queries), _AT_ONCE):
            some = self.places(queries[begin : begin + _AT_ONCE])
            place[end : end + len(some)] = some
            end += len(some)
        return {
            "size": size,
            "item": copied(self._item, place),
            **named("sums", self._sums.arrays(place)),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become what `arrays` returned."""
        size = arrays["size"].astype(np.int64)
        self._start, self._room, self._size = np.cumsum(size) - size, size.copy(), size
        self._end = self._pairs = len(arrays["item"])
        # Room for more now, and not when the first request after a start brings one.
        self._item = grown(arrays["item"], self._end + 1)
        self._sums.restore(part(arrays, "sums"))
        self._sums.grow(len(self._item))

    def _know(self, queries: int) -> None:
        self._start = grown(self._start, queries)
        self._size = grown(self._size, queries)
        self._room = grown(self._room, queries)

    def _offsets(self, key: Numbers) -> Numbers:
        """Return where each key, rising and each once, is in its query's stretch, -1 if nowhere."""
        query = _each_once(key >> 32)
        size = self._size[query]
        place = self.places(query)
        kept = np.repeat(query, size) << 32 | self._item[place]
        found = np.minimum(np.searchsorted(key, kept), len(key) - 1)
        same = key[found] == kept
        offset = np.full(len(key), -1, dtype=np.int64)
        offset[found[same]] = (place - np.repeat(self._start[query], size))[same]
        return offset

    def _append(self, key: Numbers) -> Numbers:
        """Give keys that are kept nowhere, rising, a place; return where in their stretches."""
        query, more = np.unique(key >> 32, return_counts=True)
        size = self._size[query]
        self._make_room(query, size + more)
        offset = _ranges(size, more)
        self._item[self._start[key >> 32] + offset] = key & 0xFFFF_FFFF
        self._size[query] += more
        self._pairs += len(key)
        return offset

    def _make_room(self, query: Numbers, size: Numbers) -> None:
        full = size > self._room[query]
        query, size = query[full], size[full]
        room = _rooms(size)
        if self._end + room.sum() > len(self._item):
            if self._end - self._room.sum() > _UNUSED * self._end:
                every = np.arange(len(self._size))
                self._put(self.places(every), self._size[every])
            self._item = grown(self._item, int(self._end + 2 * room.sum()))
            self._sums.grow(len(self._item))
        old, n = self.places(query), self._size[query]
        self._start[query] = self._end + np.cumsum(room) - room
        self._room[query] = room
        self._end += int(room.sum())
        new = _ranges(self._start[query], n)
        self._item[new] = self._item[old]
        self._sums.move(old, new)

    def _keep_strongest(self) -> None:
        every = np.arange(len(self._size))
        place, query = self.places(every), np.repeat(every, self._size)
        strength = self._sums.strength(place)
        least = np.partition(strength, -self._limit)[-self._limit]
        kept = np.flatnonzero(strength > least)
        equal = np.flatnonzero(strength == least)
        first = np.lexsort((self._item[place[equal]], query[equal]))[: self._limit - len(kept)]
        kept = np.sort(np.append(kept, equal[first]))
        self._put(place[kept], np.bincount(query[kept], minlength=len(every)))

    def _put(self, place: Numbers, size: Numbers) -> None:
        """Put the pairs of places side by side, so many a query in turn; all else is dropped."""
        room = _rooms(size)
        start = np.cumsum(room) - room
        end = int(room.sum())
        new = _ranges(start, size)
        item = paged((max(end + end // 4, 64),), np.int32)
        item[new] = self._item[place]
        self._sums = self._sums.placed(place, new, len(item))
        self._item, self._start, self._size, self._room = item, start, size.copy(), room
        self._end, self._pairs = end, len(place)


def _rooms(size: Numbers) -> Numbers:
    """Return the next power of 2 of each size, 0 for 0."""
    room = 1 << np.ceil(np.log2(np.maximum(size, 1))).astype(np.int64)
    return np.where(size > 0, room, 0)


def _ranges(start: Numbers, size: Numbers) -> Numbers:
    """Return start, start + 1, ... of each size, one after the other."""
    end = np.cumsum(size)
    total = int(end[-1]) if len(end) else 0
    return np.repeat(start - end + size, size) + np.arange(total)


def _each_once(rising: Numbers) -> Numbers:
    first = np.ones(len(rising), dtype=bool)
    np.not_equal(rising[1:], rising[:-1], out=first[1:])
    return rising[first]
