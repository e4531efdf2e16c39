"""By when a request must be answered, and how that time is divided among its stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Self

Clock = Callable[[], float]
"""Returns seconds since some moment; it must never be set back, as the time of day may be."""

ENDS = {
    "consent": 0.2,
    "encode": 0.25,
    "retrieve": 0.5,
    "candidates": 0.5,
    "state": 0.6,
    "features": 0.85,
    "fuse": 0.95,
    "rules": 0.97,
    "explain": 0.98,
}
"""The share of the time since the first stage began that is over when one must end: what a stage
leaves, the next has.

The last twentieth is for what makes an answer of the ranking.
"""


@dataclass(frozen=True)
class Deadline:
    """The moment by which something must be done.

    Parameters
    ----------
    begun_s, until_s
        When it began and must end, by the clock; `inf` for no limit.
    clock
        Seconds; a monotonic one, so that a time of day that is set does nothing.
    """

    begun_s: float = 0.0
    until_s: float = inf
    clock: Clock = monotonic

    @classmethod
    def after(cls, ms: float, waited_s: float = 0.0, clock: Clock = monotonic) -> Self:
        """Return the deadline of what may take so many milliseconds and has waited for some."""
        now_s = clock()
        return cls(now_s, now_s - waited_s + ms / 1000, clock)

    @property
    def endless(self) -> bool:
        """Whether there is no limit."""
        return self.until_s == inf

    @property
    def left_s(self) -> float:
        """Seconds that are left, 0 where none are."""
        return inf if self.endless else max(0.0, self.until_s - self.clock())

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return not self.endless and self.clock() >= self.until_s

    def of(self, stage: str) -> Deadline:
        """Return by when a stage must end; see `ENDS`."""
        if self.endless:
            return self
        until_s = self.begun_s + ENDS[stage] * (self.until_s - self.begun_s)
        return Deadline(self.begun_s, until_s, self.clock)


NO_DEADLINE = Deadline()
