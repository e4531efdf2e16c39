"""A job of several steps, walked in a thread of its own, that leaves behind the step that hangs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Event, Lock
from typing import Any, TypeVar

from search_rerank.guarding.aside import LEAST_S, Aside, GivenUp, Task
from search_rerank.guarding.deadline import Clock, Deadline

T = TypeVar("T")
_LOOK_S = 0.025
"""How soon one looks again: most jobs end before."""


class Busy(Exception):
    """No thread is free to begin with a job."""


class _Left(BaseException):
    """Ends a walk that nobody waits for."""


class Step:
    """One piece of work of a job, its time, and what came of it."""

    def __init__(self, until_s: float, now_s: float) -> None:
        self.until_s = until_s
        self.begun_s = now_s
        self.took_ms = 0.0
        self.ended = False
        self.given_up: GivenUp | None = None
        self.told = False
        self._outcome: Any = None
        self._event: Event | None = None

    def end(self, outcome: object, now_s: float) -> None:
        """Note what came of it."""
        self._outcome = outcome
        self.took_ms = (now_s - self.begun_s) * 1000
        self.ended = True
        if self._event is not None:
            self._event.set()

    def give_up(self, now_s: float) -> None:
        """Go on without it."""
        self.given_up = GivenUp("late", self, now_s - self.begun_s)
        self.took_ms = (now_s - self.begun_s) * 1000
        self._event = Event()

    @property
    def outcome(self) -> Any:
        """What it returned or raised, a `GivenUp` where one went on without it."""
        return self._outcome if self.given_up is None else self.given_up

    def wait(self) -> Any:
        """Return what a step that was given up returns after all, or raise what it raises."""
        if self._event is not None and not self.ended:
            self._event.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class Journal:
    """The steps of one job that were begun, in whichever walk."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.steps: dict[tuple[str, int], Step] = {}
        self.newest: Step | None = None


class Walk:
    """One thread's way through the steps of a job.

    Where a step hangs, the job is walked again from the beginning by another thread, which gets at
    once what was got before, and a `GivenUp` of that step. So nothing that a job does outside of
    its steps may count twice.

    Parameters
    ----------
    journal
        Of all walks of one job.
    clock
        Seconds.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._lock = journal.lock
        self._clock = clock
        self._begun: Counter[str] = Counter()
        self._left = False
        self._held: list[Lock] = []

    def step(
        self, name: str, work: Callable[[], object], until: Deadline, share: float = 1.0
    ) -> Step:
        """Do a piece of work, or return what came of it before.

        Parameters
        ----------
        name
            By which another walk finds it, and of several the number.
        until, share
            By when it must end, and of the time that is left until then the share it may take.
        """
        begun_s = self._clock()
        with self._lock:
            if self._left:
                raise _Left
            key = name, self._begun[name]
            self._begun[name] += 1
            if key in self._journal.steps:
                return self._journal.steps[key]
            left_s = until.until_s - begun_s
            step = Step(begun_s + share * left_s, begun_s)
            self._journal.steps[key] = self._journal.newest = step
            if left_s < LEAST_S:
                step.given_up = GivenUp("late")
                step.ended = True
                return step
        try:
            outcome: Any = work()
        except Exception as error:  # it is the step's, and raised to who asks for it
            outcome = error
        with self._lock:
            step.end(outcome, self._clock())
            if self._left:
                raise _Left
        return step

    def hold(self, lock: Lock, seconds: float) -> None:
        """Take a lock, if that is to be had within some seconds; a walk that is left lets it go."""
        if lock.acquire(timeout=seconds):
            with self._lock:
                if self._left:
                    lock.release()
                    raise _Left
                self._held.append(lock)

    def let_go(self) -> None:
        """Let go what is held."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        while self._held:
            self._held.pop().release()

    def leave_if_late(self) -> float:
        """Return in how many seconds to look again, 0 where the walk was just left."""
        with self._lock:
            now_s = self._clock()
            step = self._journal.newest
            if step is None or step.ended or step.given_up is not None:
                return _LOOK_S
            if now_s < step.until_s:
                return min(step.until_s - now_s, _LOOK_S)
            step.give_up(now_s)
            self._left = True
            self._let_go()
            return 0.0


def walked(job: Callable[[Walk], T], aside: Aside, deadline: Deadline) -> T:
    """Return what a job returns, or raise what it raises; what hangs in it is left behind.

    Raises
    ------
    Busy
        Where no thread is free to begin with it.
    """
    journal = Journal()
    while True:
        walk = Walk(journal, deadline.clock)
        task: Task[T] | None = aside.begin(lambda walk=walk: job(walk))  # type: ignore[misc]
        if task is None:
            raise Busy
        look_s = _LOOK_S
        while look_s:
            if task.done(look_s):
                return task.wait()
            look_s = walk.leave_if_late()
