"""Which processes serve a home folder: those of killed ones are told from those that run."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
    present.close()  # it has said nothing yet
    assert list_workers(tmp_path) == []
    for bundle in (None, "a" * 12, "b"):
        present.tell(bundle, 7)
        (worker,) = list_workers(tmp_path)
        assert (worker.pid, worker.bundle, worker.since_ms) == (os.getpid(), bundle, 7)
    present.tell("b", 9)
    assert list_workers(tmp_path)[0].since_ms == 7
    for compiled in (False, True, None):
        present.tell("b", 9, compiled)
        (worker,) = list_workers(tmp_path)
        assert (worker.compiled, worker.since_ms) == (compiled, 7)
    present.close()
    assert list_workers(tmp_path) == []


def test_nobody_sees_a_worker_before_it_has_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would look as left by a process that was killed."""
    flock, looked = fcntl.flock, []

    def looked_at(file: int, how: int) -> None:
        if how == fcntl.LOCK_EX and not looked:
            looked.append(list_workers(tmp_path))
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", looked_at)
    present = Present(tmp_path)
    present.tell("v1", 5)
    assert looked == [[]]
    assert [worker.bundle for worker in list_workers(tmp_path)] == ["v1"]
    present.close()


def test_who_cannot_write_goes_on_and_tells_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workers_folder(tmp_path).touch()
    present = Present(tmp_path)
    for _ in range(3):
        present.tell("v1", 5)
    assert caplog.text.count("nobody is told what this worker ranks with") == 1
    workers_folder(tmp_path).unlink()
    present.tell("v1", 6)
    assert [worker.bundle for worker in list_workers(tmp_path)] == ["v1"]
    present.close()


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
