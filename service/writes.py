"""Few writes at a time, so that a disk or an engine that hangs leaves threads for searches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore
from time import monotonic

from search_rerank.guarding.deadline import Clock
from service.problems import Problem

AT_ONCE = 5
"""Of the eight threads that a worker has."""
_WAIT_S = 0.25
_HANGS_S = 2.0
"""A write that takes longer keeps the next ones from being begun."""


class Writes:
    """Counts the requests of a worker that write to one part.

    Parameters
    ----------
    part
        What they write to, as problems name it.
    """

    def __init__(self, part: str, clock: Clock = monotonic) -> None:
        self._part = part
        self._clock = clock
        self._room = Semaphore(AT_ONCE)
        self._lock = Lock()
        self._begun: dict[int, float] = {}
        self._number = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place for a write.

        Raises
        ------
        Problem
            503 where others have hung for some time, or hold all places.
        """
        oldest_s = min(list(self._begun.values()), default=None)
        if oldest_s is not None and self._clock() - oldest_s > _HANGS_S:
            raise self._refused()
        if not self._room.acquire(timeout=_WAIT_S):
            raise self._refused()
        with self._lock:
            self._number += 1
            number = self._number
            self._begun[number] = self._clock()
        try:
            yield
        finally:
            del self._begun[number]
            self._room.release()

    def _refused(self) -> Problem:
        return Problem(
            503,
            f"the {self._part} takes long to store what it was given before: try again later",
            part=self._part,
        )
