"""What is opened when it is first needed, and tried again where that failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar, cast

from search_rerank.errors import SearchRerankError
from search_rerank.state.base import State

T = TypeVar("T")
_AGAIN_S = 1.0


class OnDemand(Generic[T]):
    """Opens one thing once, however many ask; nobody waits for long while it cannot be opened.

    Parameters
    ----------
    name
        What it is, for messages.
    open_
        Opens it; what it raises is raised to all who ask within a second.
    """

    def __init__(self, name: str, open_: Callable[[], T]) -> None:
        self._name = name
        self._open = open_
        self._lock = Lock()
        self._error: SearchRerankError | None = None
        self._until_s = 0.0
        self.opened: T | None = None
        """The thing, None where it is not open."""

    def get(self) -> T:
        """Return it, opened.

        Raises
        ------
        SearchRerankError
            Where it could not be opened, or someone else is still trying.
        """
        if self.opened is not None:
            return self.opened
        if not self._lock.acquire(timeout=_AGAIN_S):
            raise SearchRerankError(f"{self._name} is being opened")
        try:
            if self.opened is None:
                self.opened = self._tried()
            return self.opened
        finally:
            self._lock.release()

    def _tried(self) -> T:
        if self._error is not None and time.monotonic() < self._until_s:
            raise self._error.with_traceback(None)
        try:
            return self._open()
        except SearchRerankError as error:
            self._error, self._until_s = error, time.monotonic() + _AGAIN_S
            raise


class _LateState:
    """Opens the state for the first of its methods that is called."""

    def __init__(self, state: OnDemand[State]) -> None:
        self._state = state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state.get(), name)


def late_state(state: OnDemand[State]) -> State:
    """Return a state whose methods raise `StateError` while it cannot be opened."""
    return cast(State, _LateState(state))
