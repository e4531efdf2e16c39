"""Numbers of the items that are counted, looked up once a request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.ids import IdMap
from search_rerank.state.fading import grown


class ItemNumbers(IdMap):
    """Items numbered as they come, and where in the request of the moment each is.

    Several counters are asked for the same items of a request in turn; the numbers of the last ones
    are kept.
    """

    def __init__(self, ids: Sequence[str] = ()) -> None:
        super().__init__(ids)
        self._asked: Sequence[str] = ()
        self._number = np.zeros(0, dtype=np.int32)
        self._held = 0
        self._place = np.zeros(0, dtype=np.int32)  # (items,), 1 + the place in the request, or 0
        self._placed = self._number
        """Numbers of the request that `_place` is of."""
        self._first: NDArray[np.int64] | None = None
        """Where each item of that request stands first; None where none was asked for twice."""

    def add_all(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of ids, int64 (n,), giving each new one the next."""
        known = list(map(self._numbers.get, ids))
        if None in known:
            known = list(map(self.add, ids))
        return np.array(known, dtype=np.int64)

    def asked(self, items: Sequence[str]) -> NDArray[np.int32]:
        """Return the numbers of a request's items, as `numbers` does, and keep them."""
        if self._held != len(self) or self._asked != items:
            self._number, self._asked, self._held = self.numbers(items), items[:], len(self)
        return self._number

    def find(self, number: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return which of numbered items the request has, and where in the request each is."""
        if self._placed is not self._number:
            self._put()
        place = self._place.take(number)
        has = (place > 0).nonzero()[0]
        return has, place.take(has) - np.int32(1)

    def spread(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows of the request that `find` found, those of an item asked for twice twice."""
        return rows if self._first is None else rows[self._first]

    def _put(self) -> None:
        self._place[self._placed] = 0
        self._place = grown(self._place, len(self) + 1)  # the last is that of the unknown
        own = np.arange(1, len(self._number) + 1, dtype=np.int32)
        # Written from the last to the first: of one asked for twice the first place stays.
        self._place[self._number[::-1]] = own[::-1]
        self._place[-1] = 0
        place = self._place.take(self._number)
        twice = (place != own) & (place > 0)
        self._first = np.where(twice, place, own) - 1 if twice.any() else None
        self._placed = self._number
