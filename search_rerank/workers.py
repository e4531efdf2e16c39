"""Which processes serve a home folder, and what each of them ranks with.

A worker has a file of its own under `workers/` and holds its lock: a file that nobody locks was
left by a process that was killed.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import orjson
from pydantic import BaseModel, ValidationError

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
    """

    pid: int
    bundle: str | None
    since_ms: int


class Present:
    """The file of this process; it goes with `close`, or loses its lock with the process.

    Parameters
    ----------
    home
        The home folder that is served.
    """

    def __init__(self, home: Path) -> None:
        folder = workers_folder(home)
        folder.mkdir(parents=True, exist_ok=True)
        self._file, name = tempfile.mkstemp(_SUFFIX, f"{os.getpid()}-", folder)
        self._path = Path(name)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._told: str | None = ""

    def tell(self, bundle: str | None, now_ms: int) -> None:
        """Say what is ranked with from now on; saying the same again does nothing."""
        if bundle == self._told:
            return
        row = orjson.dumps({"pid": os.getpid(), "bundle": bundle, "since_ms": now_ms})
        os.pwrite(self._file, row.ljust(_BYTES), 0)
        self._told = bundle

    def close(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)


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
        except ValidationError:  # it has just begun
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
