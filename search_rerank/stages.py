"""The stages of one answer: how long each took, and what each gave less than it should have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter
from typing import TypeVar

from search_rerank.answer import Degraded
from search_rerank.errors import SearchRerankError
from search_rerank.guarding.breaker import Breaker
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline
from search_rerank.guarding.guards import Guards, Resting, reason_of, tell

log = logging.getLogger(__name__)
T = TypeVar("T")
SCORER = "score."


@contextmanager
def stage(name: str, timings_ms: dict[str, float]) -> Iterator[None]:
    """Add what happens inside to the time of a stage, in milliseconds."""
    start = perf_counter()
    try:
        yield
    finally:
        spent = (perf_counter() - start) * 1000
        timings_ms[name] = round(timings_ms.get(name, 0.0) + spent, 3)


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
    """

    def __init__(
        self,
        guards: Guards | None = None,
        deadline: Deadline = NO_DEADLINE,
        degraded: Sequence[Degraded] = (),
    ) -> None:
        self.guards = guards or Guards()
        self.deadline = deadline
        self.degraded = list(degraded)
        self.timings_ms: dict[str, float] = {}

    def timed(self, name: str) -> AbstractContextManager[None]:
        """Add what happens inside to the time of a stage."""
        return stage(name, self.timings_ms)

    def lost(self, name: str, error: Exception) -> None:
        """Note that a stage gave nothing, and why."""
        self.degraded.append(lost(name, error))

    def run(self, name: str, work: Callable[[], T], breaker: Breaker | None = None) -> T:
        """Return what a stage returns, in the time that it has.

        Raises
        ------
        GivenUp
            When it is late, or no thread was free for it.
        Resting
            When its breaker lets nobody through.
        Exception
            Whatever the stage raises.
        """
        if breaker is not None and not breaker.lets():
            raise Resting(name)
        with self.timed(name):
            try:
                found = self.guards.aside.one(work, self.deadline.of(name))
            except Exception as error:
                if breaker is not None:
                    tell(breaker, error)
                raise
        if breaker is not None:
            breaker.succeeded()
        return found

    def each(self, name: str, works: Mapping[str, Callable[[], T]]) -> dict[str, T | Exception]:
        """Return what each part of a stage returned or raised, `Resting` for one left out.

        Scorers, named `score.*`, are left out for a while after they were late again and again.
        """
        breakers = {
            one: self.guards.scorer(one.removeprefix(SCORER))
            for one in works
            if one.startswith(SCORER)
        }
        asked = [one for one in works if one not in breakers or breakers[one].lets()]
        found: dict[str, T | Exception] = {one: Resting(one) for one in works}
        until = self.deadline.of(name)
        with self.timed(name):
            outcomes = self.guards.aside.each([works[one] for one in asked], until)
        for one, outcome in zip(asked, outcomes, strict=True):
            found[one] = outcome
            if one in breakers:
                tell(breakers[one], outcome, errors=False)
        return found


def lost(name: str, error: Exception) -> Degraded:
    """Return what is told of a stage that gave nothing; the log says more."""
    reason = reason_of(error)
    if reason == type(error).__name__:
        known = isinstance(error, SearchRerankError)  # its message tells all
        log.error(
            "%s failed, going on without it: %s", name, error, exc_info=None if known else error
        )
    elif not isinstance(error, Resting):  # which the breaker has told once
        log.warning("going on without %s: %s", name, reason)
    return Degraded(name, reason)
