"""Work that a worker does again and again beside its requests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

logger = logging.getLogger(__name__)


class Repeating:
    """Calls something in a thread of its own until it is closed; what it raises is logged.

    Parameters
    ----------
    call
        What to do.
    every_s
        How long to wait after each call.
    """

    def __init__(self, call: Callable[[], object], every_s: float) -> None:
        self._call = call
        self._every_s = every_s
        self._closed = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and wait until a call that has begun is over."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(self._every_s):
            try:
                self._call()
            except Exception as error:  # the next call may go well
                logger.error("%s: %s", type(error).__name__, error)
