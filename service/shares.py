"""How many connections each worker has, so that a new one goes to a worker that has fewest.

A connection is kept for many requests. Whoever takes one because it wakes first may have all of
them in the end, and the other cores stand still.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable

_PLACES = 256
"""More than there are workers, those that end while others begin included."""
_AWAY = -1


class Shares:
    """Counts in memory that the forked workers share; to be made before the first of them."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, _PLACES * 4)
        self._counts = memoryview(memory).cast("i")
        for n in range(_PLACES):
            self._counts[n] = _AWAY
        self._free = list(range(_PLACES))

    @property
    def left(self) -> bool:
        """Whether there is a place for another worker.

        There is none where many are told to start anew again and again before those before ended.
        """
        return bool(self._free)

    def take(self) -> Place:
        """Return the place of a worker that is about to be forked; the caller forks alone."""
        return Place(self._counts, self._free.pop(), self._free.append)


class Place:
    """Where one worker tells how many connections it has.

    Parameters
    ----------
    counts
        Of all workers.
    number
        Which of them is its own.
    free
        Called once nobody needs it any more.
    """

    def __init__(self, counts: memoryview[int], number: int, free: Callable[[int], None]) -> None:
        self._counts = counts
        self._number = number
        self._free = free

    def tell(self, connections: int) -> None:
        """Say how many connections the worker has, from when on it takes new ones."""
        self._counts[self._number] = connections

    def leave(self) -> None:
        """Say that it takes none any more."""
        self._counts[self._number] = _AWAY

    def end(self) -> None:
        """Give the place back once the worker has ended."""
        self.leave()
        self._free(self._number)

    @property
    def fewest(self) -> int:
        """The fewest connections that a worker which takes new ones has, 0 where none does."""
        return min((count for count in self._counts if count != _AWAY), default=0)
