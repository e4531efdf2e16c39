"""What keeps one part that fails or hangs from holding up the others: of one process."""

from __future__ import annotations

from threading import Lock

from search_rerank.guarding.aside import Aside, GivenUp
from search_rerank.guarding.breaker import Breaker

COUNTS_S = 0.1
"""What had less time than this is not to blame for being late."""
SCORER_REST_S = 30.0


class Resting(Exception):
    """The part failed several times in a row and is not asked for a while."""


class Guards:
    """Threads beside the requests, and a breaker for each part that may hang."""

    def __init__(self) -> None:
        self.aside = Aside()
        self.engine = Breaker("the engine")
        self.state = Breaker("the state")
        self._scorers: dict[str, Breaker] = {}
        self.turn = Lock()
        """Of whoever ranks; a courtesy, see `Stages.turn`."""

    def scorer(self, name: str) -> Breaker:
        """Return the breaker of a scorer."""
        found = self._scorers.get(name)
        if found is None:
            made = Breaker(f"scorer {name}", rest_s=SCORER_REST_S)
            found = self._scorers.setdefault(name, made)
        return found


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
        if outcome.work is not None and outcome.waited_s >= COUNTS_S:
            breaker.failed(outcome.work)
    elif errors and isinstance(outcome, Exception):
        breaker.failed()
    else:
        breaker.succeeded()


def reason_of(error: Exception) -> str:
    """Return one word that says why a part gave nothing."""
    if isinstance(error, GivenUp):
        return error.reason
    return "resting" if isinstance(error, Resting) else type(error).__name__
