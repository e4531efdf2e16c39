"""The folder in which workers count: there while they do, gone with them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from service import metrics_workers
from service.metrics_workers import FOLDER, counted_together


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(metrics_workers, "_MEMORY", tmp_path)
    return tmp_path


def test_it_is_there_inside_and_gone_after(memory: Path) -> None:
    with counted_together():
        folder = Path(os.environ[FOLDER])
        assert folder.parent == memory and folder.is_dir()
        (folder / "counter_1.db").touch()
    assert FOLDER not in os.environ
    assert list(memory.iterdir()) == []


def test_a_worker_that_leaves_takes_nothing_along(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted_together():
        inner = os.environ[FOLDER]
        with monkeypatch.context() as patch, counted_together():
            patch.setattr(os, "getpid", lambda: 0)
        assert Path(inner).is_dir()
        assert len(list(memory.iterdir())) == 2
        os.environ[FOLDER] = inner


def test_what_a_killed_service_left_goes_and_what_runs_stays(memory: Path) -> None:
    left, used, other = (
        memory / f"{name}"
        for name in ("search-rerank-metrics-left", "search-rerank-metrics-used", "something-else")
    )
    for folder in (left, used, other):
        folder.mkdir()
    lock = os.open(used, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with counted_together():
        assert not left.exists()
        assert used.exists() and other.exists()
    os.close(lock)


def test_without_such_memory_it_is_a_temporary_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(metrics_workers, "_MEMORY", tmp_path / "none")
    monkeypatch.setattr(metrics_workers.tempfile, "gettempdir", lambda: str(tmp_path))
    with counted_together():
        assert Path(os.environ[FOLDER]).parent == tmp_path
