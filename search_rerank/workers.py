"""Which processes serve a home folder, and what each of them ranks with.

A worker has a file of its own under `workers/` and holds its lock: a file that nobody locks was
left by a process that was killed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ValidationError

log = logging.getLogger(__name__)
_SUFFIX = ".worker"
_BYTES = 256
"""Length of a file, always the same: it is written over by one call, so nobody reads half of it."""


class Worker(BaseModel):
    """What a worker says of itself.

    Parameters
    ----------
    pid
        Number of its process.
    bundle
        What it ranks with, None for the engine's order.
    since_ms
        Unix milliseconds since when it does.
    compiled
        Whether its trees are machine code, see `search_rerank.fusion.compiled`; None where it ranks
        by none.
    """

    pid: int
    bundle: str | None
    since_ms: int
    compiled: bool | None = None


class Present:
    """The file of this process; it goes with `close`, or loses its lock with the process.

    What cannot be written is logged, and costs nothing but that others are not told.

    Parameters
    ----------
    home
        The home folder that is served.
    """

    def __init__(self, home: Path) -> None:
        self._folder = workers_folder(home)
        self._file: int | None = None
        self._path = Path()
        self._told: Worker | None = None
        self._failed = False

    def tell(self, bundle: str | None, now_ms: int, compiled: bool | None = None) -> None:
        """Say what is ranked with from now on; saying the same again does nothing."""
        if self._told is not None and self._told.bundle == bundle:
            now_ms = self._told.since_ms
        worker = Worker(pid=os.getpid(), bundle=bundle, since_ms=now_ms, compiled=compiled)
        if worker == self._told:
            return
        row = worker.model_dump_json().encode()
        try:
            if self._file is None:
                self._begin(row.ljust(_BYTES))
            else:
                os.pwrite(self._file, row.ljust(_BYTES), 0)
        except OSError as error:
            if not self._failed:
                log.warning("nobody is told what this worker ranks with: %s", error)
            self._failed = True
            return
        self._told, self._failed = worker, False

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
        self._file = self._told = None

    def _begin(self, row: bytes) -> None:
        """Make the file under another name: nobody may see it before it is locked and whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file, aside = tempfile.mkstemp(".new", f"{os.getpid()}-", self._folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            os.pwrite(file, row, 0)
            path = Path(aside).with_suffix(_SUFFIX)
            os.rename(aside, path)
        except OSError:
            os.close(file)
            Path(aside).unlink(missing_ok=True)
            raise
        self._file, self._path = file, path


def list_workers(home: Path) -> list[Worker]:
    """Return the workers that run, by the number of their process; files of killed ones go."""
    found = []
    for path in workers_folder(home).glob(f"*{_SUFFIX}"):
        try:
            with path.open("rb") as file:
                if _is_left(file.fileno()):
                    path.unlink(missing_ok=True)
                    continue
                found.append(Worker.model_validate_json(file.read()))
        except FileNotFoundError:  # it has just ended
            continue
        except ValidationError:  # another release's
            continue
    return sorted(found, key=lambda worker: worker.pid)


def workers_folder(home: Path) -> Path:
    """Return where the workers of a home folder have their files."""
    return home / "workers"


def _is_left(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
