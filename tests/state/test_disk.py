"""A disk that is full, or a writer that takes long: an error in words, and nothing half stored."""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from search_rerank.errors import StateError
from search_rerank.state.sqlite import SqliteState, StoredLog
from tests.disks import fill_disk, small_disk
from tests.state.contract import GAINS, did, page

FULL = "full|no space left|disk I/O error"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 3 MB."""
    with small_disk(tmp_path / "disk", 3) as folder:
        yield folder


def fill(state: SqliteState, size: int = 200) -> int:
    """Append until the disk is full; return how many were acknowledged."""
    stored = 0
    for n in range(10_000):
        batch = [did(f"{n}.{k}", f"i{k}", n, user=f"u{k % 9}") for k in range(size)]
        try:
            stored += state.append(batch)
        except StateError:
            return stored
    raise AssertionError("the disk was never full")


def test_a_full_disk_loses_nothing_and_stores_nothing_by_halves(disk: Path) -> None:
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(1_500_000))
    with closing(SqliteState(disk / "s.sqlite3", GAINS, segment_events=100)) as state:
        stored = fill(state)
        assert len(state) == stored > 0
        large = [did(f"{k}".rjust(500), "late", user="late") for k in range(3000)]
        with pytest.raises(StateError, match=FULL):
            state.append(large)
        assert len(state) == state.mark() == stored
        assert list(state.history("late", None, 9)) == []
        assert len(state.history("u1", None, 50)) == 50
        assert state.item_counts(["i0"], 0).decayed[0, 3] > 0
        ballast.unlink()
        assert state.append(large[:100]) == 100
        while state.maintain(0).more:
            pass
        with StoredLog(disk / "s.sqlite3") as log:
            assert sum(1 for _ in log.all()) == stored + 100
    with closing(sqlite3.connect(disk / "s.sqlite3")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_upkeep_on_a_full_disk_is_an_error_and_goes_on_when_there_is_room(disk: Path) -> None:
    ballast = disk / "ballast"
    with closing(SqliteState(disk / "s.sqlite3", GAINS, segment_events=100)) as state:
        state.append([did(f"{n}", f"i{n}", n, user=f"u{n % 9}") for n in range(1000)])
        state.show([page(f"{n}", "i0", "i1", time_ms=n) for n in range(100)])
        state.check_writable()
        fill_disk(ballast)
        for work in (
            state.check_writable,
            lambda: state.maintain(0),
            lambda: state.expire(500),
            lambda: state.forget("u1", 0),
        ):
            with pytest.raises(StateError, match=f"(?i){FULL}"):
                work()
        assert not list(disk.glob("event_log/*.part"))
        ballast.unlink()
        state.check_writable()
        assert state.forget("u1", 1000).complete
        assert state.expire(500) > 0
        with StoredLog(disk / "s.sqlite3") as log:
            left = [event.id for event in log.all()]
        assert left == [str(n) for n in range(1000) if n % 9 != 1]


@contextmanager
def no_larger_files(size: int) -> Iterator[None]:
    """Let no file grow past a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_what_the_system_refuses_to_write_is_not_stored(tmp_path: Path) -> None:
    with closing(SqliteState(tmp_path / "s.sqlite3", GAINS)) as state:
        with no_larger_files(200_000):
            stored = fill(state)
        assert len(state) == stored
        batch = [did(f"late {k}", user="late") for k in range(500)]
        with no_larger_files(1000), pytest.raises(StateError, match=FULL):
            state.append(batch)
        assert len(state) == stored and list(state.history("late", None, 9)) == []
        assert state.append(batch) == len(batch)


def test_a_writer_that_takes_long_is_waited_for_and_then_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    with closing(SqliteState(path, GAINS, wait_s=0.1)) as state:
        state.append([did("1")])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for work in (lambda: state.append([did("2")]), lambda: state.show([page("2", "a")])):
                with pytest.raises(StateError, match="database is locked"):
                    work()
            assert [past.item for past in state.history("u", None, 9)] == ["a"]  # readers go on
            assert state.item_counts(["a"], 0).decayed[0, 0] == 1
            other.execute("ROLLBACK")
        assert state.append([did("2")]) == 1


@pytest.mark.parametrize("another", [False, True])
def test_nothing_is_acknowledged_into_a_file_that_was_removed(
    tmp_path: Path, another: bool
) -> None:
    path = tmp_path / "state.sqlite3"
    with closing(SqliteState(path, GAINS)) as state:
        assert state.append([did("first")]) == 1
        for file in tmp_path.glob("state.sqlite3*"):
            file.unlink()
        if another:
            SqliteState(path, GAINS).close()
        for work in (lambda: state.append([did("lost")]), state.check_writable):
            with pytest.raises(StateError, match="expected the file that was opened, found an"):
                work()
        assert len(state.history("u", None, 9)) == 1
