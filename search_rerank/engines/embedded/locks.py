"""Who may write: file locks that end with the process that holds them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from search_rerank.errors import EngineError


class FileLock:
    """One holder at a time, among all processes.

    Parameters
    ----------
    path
        The file to lock; made if missing.
    what
        What it stands for, named in messages.
    timeout_s
        How long `acquire` waits for another holder.
    """

    def __init__(self, path: Path, what: str, timeout_s: float) -> None:
        self._path = path
        self._what = what
        self._timeout_s = timeout_s
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Become the holder.

        Raises
        ------
        EngineError
            When another one does not let go in time, or what is locked is gone.
        """
        if self._file is not None:
            return
        file = self._opened()
        waiting = Retrying(
            retry=retry_if_exception_type(BlockingIOError),
            stop=stop_after_delay(self._timeout_s),
            wait=wait_random(0.001, 0.01),
            reraise=True,
        )
        try:
            waiting(fcntl.flock, file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().decode(errors="replace") or "unknown"
            file.close()
            raise EngineError(
                f"{self._what} is being written by another process (pid {holder}) and was not free "
                f"within {self._timeout_s:g} s: wait until it is done, or end it"
            ) from None
        self._hold(file)

    def try_acquire(self) -> bool:
        """Become the holder if nobody is."""
        if self._file is not None:
            return True
        file = self._opened()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._hold(file)
        return True

    def release(self) -> None:
        """Let others in."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> IO[bytes]:
        try:
            return self._path.open("a+b")
        except FileNotFoundError:
            raise self._gone() from None

    def _hold(self, file: IO[bytes]) -> None:
        try:
            same = os.fstat(file.fileno()).st_ino == os.stat(self._path).st_ino
        except FileNotFoundError:
            same = False
        if not same:
            file.close()
            raise self._gone()
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        self._file = file

    def _gone(self) -> EngineError:
        return EngineError(f"no version {self._what} any more: another process has just dropped it")
