"""Which processes serve a home folder: those of killed ones are told from those that run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from search_rerank.workers import Present, list_workers, workers_folder

_WORKER = """
import sys, time
from pathlib import Path
from search_rerank.workers import Present
present = Present(Path(sys.argv[1]))
present.tell("v1", 5)
print("told", flush=True)
time.sleep(60)
"""


def test_nobody_serves(tmp_path: Path) -> None:
    assert list_workers(tmp_path) == []


def test_a_worker_tells_what_it_ranks_with_until_it_ends(tmp_path: Path) -> None:
    present = Present(tmp_path)
    assert list_workers(tmp_path) == []  # it has said nothing yet
    for bundle in (None, "a" * 12, "b"):
        present.tell(bundle, 7)
        (worker,) = list_workers(tmp_path)
        assert (worker.pid, worker.bundle, worker.since_ms) == (os.getpid(), bundle, 7)
    present.tell("b", 9)
    assert list_workers(tmp_path)[0].since_ms == 7
    present.close()
    assert list_workers(tmp_path) == []


def test_a_killed_worker_is_no_worker(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "told\n"
    assert [worker.pid for worker in list_workers(tmp_path)] == [process.pid]
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert list_workers(tmp_path) == []
    assert list(workers_folder(tmp_path).iterdir()) == []
