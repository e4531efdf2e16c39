"""Whether what a worker is told can be stored, as it was found some seconds ago at most."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Condition, Thread
from time import monotonic

from search_rerank.answer import Degraded
from search_rerank.errors import SearchRerankError
from search_rerank.guarding.deadline import Clock
from search_rerank.state.base import State

logger = logging.getLogger(__name__)
_GOOD_S = 5.0
_BAD_S = 1.0
"""What is away is looked at more often: it should be known soon when it is back."""
_WAIT_S = 0.25
_HANGS_S = 2.0
_PROBE = bytes(65_536)


class Writable:
    """Writes to the state and to the folder of a worker now and then, when somebody asks.

    It is tried in a thread beside, one at a time: who asks waits a quarter of a second at most.

    Parameters
    ----------
    state
        What shoppers do.
    home
        Folder of the index, the bundles and the rules.
    clock
        Seconds; a monotonic one.
    """

    def __init__(self, state: State, home: Path, clock: Clock = monotonic) -> None:
        self._tries: tuple[Callable[[], Degraded | None], ...] = (
            lambda: _of_state(state),
            lambda: _of_disk(home),
        )
        self._clock = clock
        self._turn = Condition()
        self._found: Sequence[Degraded] = ()
        self._until_s = 0.0
        self._begun_s: float | None = None

    @property
    def degraded(self) -> Sequence[Degraded]:
        """What cannot be written; while that takes long, that it does."""
        with self._turn:
            if self._begun_s is None and self._clock() >= self._until_s:
                self._begun_s = self._clock()
                Thread(target=self._try, daemon=True).start()
            self._turn.wait_for(lambda: self._begun_s is None, _WAIT_S)
            if self._begun_s is not None and self._clock() - self._begun_s > _HANGS_S:
                return (Degraded("disk", "it takes long to write: events may be refused"),)
            return self._found

    def _try(self) -> None:
        found: Sequence[Degraded] = self._found
        try:
            found = [part for one in self._tries if (part := one()) is not None]
        finally:
            with self._turn:
                self._found, self._begun_s = found, None
                self._until_s = self._clock() + (_BAD_S if found else _GOOD_S)
                self._turn.notify_all()


def _of_state(state: State) -> Degraded | None:
    try:
        state.check_writable()
    except SearchRerankError as error:  # where it is and what it said stands in the log alone
        logger.warning("events are refused: %s", error)
        return Degraded("state", "it cannot be written: events are refused")
    return None


def _of_disk(home: Path) -> Degraded | None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home, buffering=0) as file:
            file.write(_PROBE)
            os.fsync(file.fileno())
    except OSError as error:
        logger.warning("%s cannot be written: %s", home, error)
        why = "it is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        return Degraded("disk", f"{why}: items, rules and bundles cannot be changed")
    return None
