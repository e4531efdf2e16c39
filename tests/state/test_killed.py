"""A process that is killed at any moment loses nothing acknowledged, and doubles nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from search_rerank.state.sqlite import SqliteState, StoredLog
from search_rerank.state.sqlite.segments import Segments
from tests.state.contract import GAINS
from tests.state.killing import SEGMENT

ROOT = Path(__file__).resolve().parents[2]
KILLS = 50


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_50_kills(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    SqliteState(path, GAINS).close()
    command = [sys.executable, "-m", "tests.state.killing", str(path), str(KILLS), "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    acknowledged = set(lines[:-1])  # the last may be cut off
    assert len({id_.split(".")[0] for id_ in acknowledged}) >= 10
    with closing(SqliteState(path, GAINS, segment_events=SEGMENT)) as state:
        state.maintain(0)
        counted = state.item_counts(["a"], 0)
    with StoredLog(path) as log:
        events = Counter(event.id for event in log.all())
        pages = Counter(page.id for page in log.pages())
        numbers = [event.id for event in log.appended(0, log.mark)]
    assert set(events.values()) == set(pages.values()) == {1}
    assert acknowledged <= events.keys() | pages.keys()
    assert sorted(numbers) == sorted(events)
    assert counted.decayed[0, 3] == pytest.approx(len(events), rel=1e-3)
    assert counted.shown[0, 3] == pytest.approx(len(pages), rel=1e-3)
    _check_files(path)


def _check_files(path: Path) -> None:
    """Each segment holds the numbers that the state says, and each number is in one file."""
    segments = Segments(path.parent / "event_log")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        named = segments.all(db)
        (sealed,) = db.execute("SELECT value FROM meta WHERE name = 'sealed'").fetchone()
        held = {seq for (seq,) in db.execute("SELECT seq FROM events UNION SELECT seq FROM pages")}
    assert len(named) >= 3 and named[-1].last == sealed
    filed = [row["seq"] for one in named for row in segments.rows(one.number)]
    assert sorted(filed) == list(range(1, sealed + 1))
    assert held <= set(filed) | set(range(sealed + 1, max(held) + 1))
    assert not list((path.parent / "event_log").glob("*.part"))
