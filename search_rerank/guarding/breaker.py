"""What failed several times in a row is left alone for a while, then tried once.

The libraries looked at hold a lock during the call (pybreaker), so that one that hangs holds up all
others, or let every caller through after the pause (circuitbreaker, purgatory), so that each waits
for what is still away.
"""

from __future__ import annotations

import logging
from random import Random
from threading import Lock
from time import monotonic
from typing import Protocol

from search_rerank.guarding.deadline import Clock

log = logging.getLogger(__name__)
_CLOSED = -1.0


class Running(Protocol):
    """Work that was begun and may not have ended."""

    @property
    def ended(self) -> bool:
        """Whether it has."""


class Breaker:
    """Counts failures in a row of one part (Nygard, Release It!, 2007).

    After so many it opens: nobody is let through for a while. Then one is, and no other until that
    one has told what came of it: a success closes the breaker, a failure keeps it open for another
    while. Whatever was given up and still runs keeps others from following it.

    Parameters
    ----------
    name
        Of the part, for the log.
    failures
        In a row, after which it opens.
    rest_s
        Seconds that it stays open, each time a random 80 to 100 % of them, so that workers do not
        all try at once.
    """

    def __init__(
        self,
        name: str,
        failures: int = 3,
        rest_s: float = 1.0,
        clock: Clock = monotonic,
        rng: Random | None = None,
    ) -> None:
        self._name = name
        self._failures = failures
        self._rest_s = rest_s
        self._clock = clock
        self._rng = rng or Random()
        self._lock = Lock()
        self._in_a_row = 0
        self._until_s = _CLOSED
        self._running: list[Running] = []

    @property
    def open(self) -> bool:
        """Whether the part counts as away; asking lets nobody through."""
        return self._until_s != _CLOSED

    def lets(self) -> bool:
        """Return whether the part may be asked; who is let through must tell what came of it."""
        if self._until_s == _CLOSED and not self._running:
            return True
        with self._lock:
            self._running = [one for one in self._running if not one.ended]
            if self._until_s == _CLOSED:
                return len(self._running) < self._failures
            if self._running or self._clock() < self._until_s:
                return False
            self._rest()  # for the others, until this one has told
            return True

    def succeeded(self) -> None:
        """Note that the part did its work."""
        if not self._in_a_row and self._until_s == _CLOSED:
            return
        with self._lock:
            if self._until_s != _CLOSED:
                log.warning("%s is back", self._name)
            self._in_a_row, self._until_s = 0, _CLOSED

    def failed(self, running: Running | None = None) -> None:
        """Note that the part failed, or was given up while it is `running`."""
        with self._lock:
            if running is not None:
                self._running.append(running)
            self._in_a_row += 1
            if self._in_a_row < self._failures:
                return
            if self._until_s == _CLOSED:
                log.error("%s failed %d times in a row and rests", self._name, self._in_a_row)
            self._rest()

    def _rest(self) -> None:
        self._until_s = self._clock() + self._rest_s * self._rng.uniform(0.8, 1.0)
