"""Outside ids to inside numbers and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
"""The number of an id that the map does not hold; never a valid position."""


class IdMap:
    """A fixed list of distinct ids, each with its position as its number."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids: list[str] = list(ids)
        self._numbers: dict[str, int] = {id_: n for n, id_ in enumerate(self._ids)}
        if len(self._numbers) != len(self._ids):
            raise ValueError("ids must be distinct: expected each once, found a repeated one")

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id_: object) -> bool:
        return id_ in self._numbers

    def number(self, id_: str) -> int:
        """Return the number of one id, `UNKNOWN` (-1) where the map does not hold it."""
        return self._numbers.get(id_, UNKNOWN)

    def numbers(self, ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the numbers of many ids, int32 (n,), `UNKNOWN` (-1) for ids not held."""
        return np.array(list(map(self._numbers.get, ids, repeat(UNKNOWN))), dtype=np.int32)

    def id(self, number: int) -> str:
        """Return the id with this number."""
        if number < 0:
            raise IndexError(f"{number} is not the number of an id")
        return self._ids[number]

    def ids(self) -> Sequence[str]:
        """Return all ids, in order of their numbers."""
        return self._ids

    def add(self, id_: str) -> int:
        """Return the number of an id, giving it the next one if it is new."""
        number = self._numbers.setdefault(id_, len(self._ids))
        if number == len(self._ids):
            self._ids.append(id_)
        return number
