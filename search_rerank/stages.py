"""The stages of one answer: how long each took, and what each gave less than it should have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from time import perf_counter
from typing import TypeVar

from search_rerank.answer import Degraded
from search_rerank.errors import SearchRerankError
from search_rerank.guarding.aside import GivenUp, waited_for
from search_rerank.guarding.breaker import Breaker
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline
from search_rerank.guarding.guards import Guards, Resting, reason_of, tell
from search_rerank.guarding.walk import Busy, Walk, walked

log = logging.getLogger(__name__)
T = TypeVar("T")
_TURN_S = 0.05


@contextmanager
def stage(name: str, timings_ms: dict[str, float]) -> Iterator[None]:
    """Add what happens inside to the time of a stage, in milliseconds."""
    start = perf_counter()
    try:
        yield
    finally:
        add(name, (perf_counter() - start) * 1000, timings_ms)


def add(name: str, took_ms: float, timings_ms: dict[str, float]) -> None:
    """Add to the time of a stage."""
    timings_ms[name] = round(timings_ms.get(name, 0.0) + took_ms, 3)


class Stages:
    """Runs the stages of one answer within its time, and keeps what is to be told of them.

    Parameters
    ----------
    guards
        Of the process.
    deadline
        By when the answer must be made; without one the stages run in the caller's thread.
    degraded
        What is to be told already.
    walk
        Of the thread that makes the answer; None where stages are run one by one.
    busy
        Whether there is no thread for anything that could hang.
    """

    def __init__(
        self,
        guards: Guards | None = None,
        deadline: Deadline = NO_DEADLINE,
        degraded: Sequence[Degraded] = (),
        walk: Walk | None = None,
        busy: bool = False,
    ) -> None:
        self._guards = guards
        self.deadline = deadline
        self.degraded = list(degraded)
        self.timings_ms: dict[str, float] = {}
        self._walk = walk
        self._busy = busy

    @property
    def guards(self) -> Guards:
        """Of the process."""
        if self._guards is None:
            self._guards = Guards()
        return self._guards

    def timed(self, name: str) -> AbstractContextManager[None]:
        """Add what happens inside to the time of a stage."""
        return stage(name, self.timings_ms)

    def lost(self, name: str, error: Exception) -> None:
        """Note that a stage gave nothing, and why."""
        self.degraded.append(lost(name, error))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one request after another rank, where that does not take them long.

        Ranking is bound by the processor: requests that take turns are answered sooner on average.
        It is a courtesy, not a lock: behind one that hangs the next goes on after a moment.
        """
        turn, wait_s = self.guards.turn, min(_TURN_S, self.deadline.left_s / 4)
        if self._walk is not None:
            self._walk.hold(turn, wait_s)
            try:
                yield
            finally:
                self._walk.let_go()
            return
        taken = turn.acquire(timeout=wait_s)
        try:
            yield
        finally:
            if taken:
                turn.release()

    def run(
        self,
        name: str,
        work: Callable[[], T],
        breaker: Breaker | None = None,
        *,
        of: str | None = None,
        share: float = 1.0,
        errors: bool = True,
    ) -> T:
        """Return what a stage returns, in the time that it has.

        Parameters
        ----------
        breaker
            Decides whether it is run, and is told what came of it.
        of
            The stage that it is a part of, whose time it shares; its own where left out.
        share
            Of the time that is left to the stage, which it may take.
        errors
            Whether the breaker counts what it raises.

        Raises
        ------
        GivenUp
            When it is late, or no thread was free for it.
        Resting
            When its breaker lets nobody through.
        Exception
            Whatever the stage raises.
        """
        asked = work if breaker is None else partial(_let_through, breaker, name, work)
        outcome, new = self._outcome(name, of or name, asked, self.deadline.of(of or name), share)
        if breaker is not None and new and not isinstance(outcome, Resting):
            tell(breaker, outcome, errors)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def after_all(self, name: str, error: GivenUp, work: Callable[[], T]) -> T:
        """Return what a stage that was given up returns, however long it takes."""
        wait = partial(waited_for, error, work)
        if self._walk is None:
            with self.timed(name):
                return wait()
        outcome, _ = self._outcome(f"{name} after all", name, wait, NO_DEADLINE, 1.0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _outcome(
        self, name: str, of: str, work: Callable[[], T], until: Deadline, share: float
    ) -> tuple[T | Exception, bool]:
        """Return what work returned or raised, and whether nobody was told that before."""
        if self._busy:
            return GivenUp("busy"), True
        if self._walk is not None:
            step = self._walk.step(name, work, until, share)
            add(of, step.took_ms, self.timings_ms)
            new, step.told = not step.told, True
            return step.outcome, new
        with self.timed(of):
            try:
                return self.guards.aside.one(work, until), True
            except Exception as error:
                return error, True


def answered(
    make: Callable[[Stages], T],
    guards: Guards,
    deadline: Deadline,
    degraded: Sequence[Degraded] = (),
) -> T:
    """Return what is made by stages within a deadline.

    Parameters
    ----------
    make
        Makes it. Where a stage hangs it is called again, by another thread: see `Walk`.
    guards, deadline, degraded
        As for `Stages`.
    """
    if deadline.endless:
        return make(Stages(guards, deadline, degraded))
    try:
        return walked(
            lambda walk: make(Stages(guards, deadline, degraded, walk)), guards.aside, deadline
        )
    except Busy:
        return make(Stages(guards, deadline, degraded, busy=True))


def _let_through(breaker: Breaker, name: str, work: Callable[[], T]) -> T:
    if not breaker.lets():
        raise Resting(name)
    return work()


def lost(name: str, error: Exception) -> Degraded:
    """Return what is told of a stage that gave nothing; the log says more."""
    reason = reason_of(error)
    if reason == type(error).__name__:
        known = isinstance(error, SearchRerankError)  # its message tells all
        log.error(
            "%s failed, going on without it: %s", name, error, exc_info=None if known else error
        )
    elif not isinstance(error, Resting):  # which the breaker has told once
        log.info("going on without %s: %s", name, reason)
    return Degraded(name, reason)
