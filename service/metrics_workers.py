"""The numbers of several workers together: a folder of files that each of them counts in."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in the environment, as prometheus_client has it."""
_MEMORY = Path("/dev/shm")
"""Files are counted in through memory: on a full disk that would end a worker at once."""
_PREFIX = "search-rerank-metrics-"


@contextmanager
def counted_together() -> Iterator[None]:
    """Have all processes that are forked inside count together; the numbers go with the service.

    They are counted together only where prometheus_client is first imported inside. What services
    left that were killed goes, too.
    """
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _remove_left(place)
    folder, maker = tempfile.mkdtemp(prefix=_PREFIX, dir=place), os.getpid()
    # held by this process and its workers
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.environ[FOLDER] = folder
    try:
        yield
    finally:
        if os.getpid() == maker:  # workers leave through here, too
            del os.environ[FOLDER]
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _remove_left(place: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY)
        except OSError:  # another user's, or gone
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def ended(_: Any, worker: Any) -> None:
    """Take the gauges of a worker that has ended out of the sums; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
