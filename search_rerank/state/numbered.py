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
        self._first: NDArray[np.int64] | None = None
        """Where each item of the request stands first; None where none was asked for twice."""

    def add_all(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of ids, int64 (n,), giving each new one the next."""
        known = list(map(self._numbers.get, ids))
        if None in known:
            known = list(map(self.add, ids))
        return np.array(known, dtype=np.int64)

    def asked(self, items: Sequence[str]) -> NDArray[np.int32]:
        """Return the numbers of a request's items, as `numbers` does, and keep them."""
        if self._held != len(self) or self._asked != items:
            self._place[self._number] = 0
            self._place = grown(self._place, len(self) + 1)  # the last is that of the unknown
            self._number, self._asked, self._held = self.numbers(items), items[:], len(self)
            # Written from the last to the first: of one asked for twice the first place stays.
            self._place[self._number[::-1]] = np.arange(len(items), 0, -1)
            self._place[-1] = 0
            place = self._place.take(self._number)
            own = np.arange(1, len(items) + 1)
            twice = (place != own) & (place > 0)
            self._first = np.where(twice, place, own) - 1 if twice.any() else None
        return self._number

    def find(self, number: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return which of numbered items the request has, and where in the request each is."""
        place = self._place.take(number)
        has = (place > 0).nonzero()[0]
        return has, place.take(has) - np.int32(1)

    def spread(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows of the request, with those of an item asked for twice in both places."""
        return rows if self._first is None else rows[self._first]
