"""What keeps one part that fails or hangs from holding up the others: of one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from search_rerank.guarding.aside import Aside, GivenUp
from search_rerank.guarding.breaker import Breaker
from search_rerank.guarding.deadline import Deadline

COUNTS_S = 0.1
"""What had less time than this is not to blame for being late."""
SCORER_REST_S = 30.0
_TURN_S = 0.05


class Resting(Exception):
    """The part failed several times in a row and is not asked for a while."""


class Guards:
    """Threads beside the requests, and a breaker for each part that may hang."""

    def __init__(self) -> None:
        self.aside = Aside()
        self.engine = Breaker("the engine")
        self.state = Breaker("the state")
        self._scorers: dict[str, Breaker] = {}
        self._turn = Lock()

    def scorer(self, name: str) -> Breaker:
        """Return the breaker of a scorer."""
        found = self._scorers.get(name)
        if found is None:
            made = Breaker(f"scorer {name}", rest_s=SCORER_REST_S)
            found = self._scorers.setdefault(name, made)
        return found

    @contextmanager
    def turn(self, until: Deadline) -> Iterator[None]:
        """Let one request after another rank, where that does not take them long.

        Ranking is bound by the processor: requests that take turns are answered sooner on average.
        It is a courtesy, not a lock: behind one that hangs the next goes on after a moment.
        """
        taken = self._turn.acquire(timeout=min(_TURN_S, until.left_s / 4))
        try:
            yield
        finally:
            if taken:
                self._turn.release()


def tell(breaker: Breaker, outcome: object, errors: bool = True) -> None:
    """Tell a breaker what came of work that it let through.

    Parameters
    ----------
    outcome
        A `GivenUp` counts as a failure if the work was begun and had its time.
    errors
        Whether other exceptions count as failures.
    """
    if isinstance(outcome, GivenUp):
        if outcome.task is not None and outcome.waited_s >= COUNTS_S:
            breaker.failed(outcome.task)
    elif errors and isinstance(outcome, Exception):
        breaker.failed()
    else:
        breaker.succeeded()


def reason_of(error: Exception) -> str:
    """Return one word that says why a part gave nothing."""
    if isinstance(error, GivenUp):
        return error.reason
    return "resting" if isinstance(error, Resting) else type(error).__name__
