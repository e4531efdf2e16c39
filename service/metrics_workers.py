"""The numbers of several workers together: a folder of files that each of them counts in."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder in the environment, as prometheus_client has it."""


@contextmanager
def counted_together() -> Iterator[None]:
    """Have all processes that are forked inside count together; the numbers go with the service.

    They are counted together only where prometheus_client is first imported inside.
    """
    folder, maker = tempfile.mkdtemp(prefix="search-rerank-metrics-"), os.getpid()
    os.environ[FOLDER] = folder
    try:
        yield
    finally:
        if os.getpid() == maker:  # workers leave through here, too
            del os.environ[FOLDER]
            shutil.rmtree(folder, ignore_errors=True)


def ended(_: Any, worker: Any) -> None:
    """Take the gauges of a worker that has ended out of the sums; its counts stay."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
