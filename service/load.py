"""How many requests a worker has, and what it does less of where they are too many."""

from __future__ import annotations

from threading import Lock, local
from time import monotonic

from flask import Flask, current_app, g, request

from search_rerank.config import Config
from search_rerank.guarding.deadline import Clock, Deadline
from service.problems import Problem

HEADER = "X-Deadline-Ms"
MOST_MS = 60_000
_DIGITS = 10
"""Python refuses to read numbers of thousands of them."""
_UNCOUNTED = ("health", "metrics_page", None)
"""Blueprints whose requests are answered however many there are; static files have none."""


class Load:
    """Counts the requests of a worker, those included that wait for a thread.

    The rule has no memory: what is done depends on how many there are when a request begins.

    Parameters
    ----------
    config
        From how many requests on less is reranked, and when they are refused.
    clock
        Seconds; a monotonic one.
    """

    def __init__(self, config: Config, clock: Clock = monotonic) -> None:
        self._config = config.service
        self._clock = clock
        self._lock = Lock()
        self._waiting = 0
        self._running = 0
        self._of_thread = local()
        self.stopping = False
        """Whether the service was told to stop."""

    def queued(self) -> float:
        """Note that a request waits for a thread; return the moment, for `begun`."""
        with self._lock:
            self._waiting += 1
        return self._clock()

    def begun(self, queued_s: float) -> None:
        """Note that this thread goes on with a request that was queued at a moment."""
        with self._lock:
            self._waiting -= 1
        self._of_thread.waited_s = max(0.0, self._clock() - queued_s)

    def goes_on(self) -> None:
        """Note that this thread goes on with a request that did not wait."""
        self._of_thread.waited_s = 0.0

    def enter(self) -> None:
        """Note that a request is being answered; a `Problem` 503 where there are too many."""
        with self._lock:
            self._running += 1
        if self.requests > self._config.refuse:
            raise Problem(
                503,
                f"expected at most {self._config.refuse} requests at a time in a worker, found "
                f"{self.requests}: try again later",
                part="load",
            )

    def leave(self) -> None:
        """Note that a request was answered."""
        with self._lock:
            self._running -= 1

    @property
    def waiting(self) -> int:
        """How many wait for a thread."""
        return self._waiting

    @property
    def requests(self) -> int:
        """How many there are."""
        return self._waiting + self._running

    @property
    def share(self) -> float:
        """Share of the candidates that are reranked: all of them, less the more requests."""
        steps = (self._config.shed_half, self._config.shed_most, self._config.shed_all)
        passed = sum(self.requests >= step for step in steps)
        return (1.0, 0.5, 0.25, 0.0)[passed]

    def deadline(self, asked: str | None) -> Deadline:
        """Return by when the request of this thread must be answered, from when it was queued.

        Parameters
        ----------
        asked
            Milliseconds as the caller wrote them; None takes those of the settings.

        Raises
        ------
        Problem
            400 where they are no whole number from 1 to `MOST_MS`.
        """
        ms = self._config.deadline_ms
        if asked is not None:
            number = asked.isascii() and asked.isdigit() and len(asked) < _DIGITS
            if not (number and 1 <= int(asked) <= MOST_MS):
                raise Problem(
                    400,
                    f"{HEADER}: expected a whole number of milliseconds from 1 to {MOST_MS}, "
                    f"found {asked!r:.60}",
                )
            ms = int(asked)
        return Deadline.after(ms, getattr(self._of_thread, "waited_s", 0.0), self._clock)


def count(app: Flask) -> None:
    """Count the requests of an application, and refuse those that are too many."""

    def enter() -> None:
        if request.blueprint not in _UNCOUNTED:
            g.counted = True
            load = current_app.extensions["search_rerank"].load
            load.enter()

    def leave(_: BaseException | None) -> None:
        if g.pop("counted", False):
            current_app.extensions["search_rerank"].load.leave()

    app.before_request(enter)
    app.teardown_request(leave)


def deadline() -> Deadline:
    """Return by when the request that is being answered must be; see `Load.deadline`."""
    if "deadline" not in g:
        load: Load = current_app.extensions["search_rerank"].load
        g.deadline = load.deadline(request.headers.get(HEADER))
    found: Deadline = g.deadline
    return found
