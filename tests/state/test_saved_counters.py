"""When the counters of a state file are left for processes that start later."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from search_rerank.data.event import Interaction
from search_rerank.state.importing import finish
from search_rerank.state.snapshot import load
from search_rerank.state.sqlite import SqliteState, state, upkeep
from tests.state.contract import GAINS, did


@pytest.fixture
def saves(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return the files that were saved; 20 rows are much."""
    saved: list[Path] = []
    save = state.save
    monkeypatch.setattr(state, "save", lambda path, taken: (saved.append(path), save(path, taken)))
    monkeypatch.setattr(state, "_SAVED_EVERY", 20)
    return saved


def _events(n: int) -> list[Interaction]:
    return [did(f"e{number}", time_ms=number) for number in range(n)]


def test_after_much_work_they_are_left_once_when_all_is_done(
    tmp_path: Path, saves: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = count()  # of a second three looks at it are left: each call seals three segments
    monkeypatch.setattr(upkeep, "monotonic", lambda: next(clock) * 0.3)
    path = tmp_path / "state.sqlite3"
    with closing(SqliteState(path, GAINS, segment_events=10)) as state:
        state.append(_events(75))
        assert state.maintain(0).more
        assert saves == []
        finish(state, 0)
        assert len(saves) == 1
    found = load(saves[0], GAINS)
    assert found is not None
    assert found[1]["counted"] == 75


def test_they_are_left_when_those_before_lack_much(tmp_path: Path, saves: list[Path]) -> None:
    events = _events(60)
    with closing(SqliteState(tmp_path / "state.sqlite3", GAINS, segment_events=10)) as state:
        for begin in range(0, 60, 10):
            state.append(events[begin : begin + 10])
            finish(state, 0)
            assert len(saves) == (begin + 10) // 20


def test_they_are_left_before_a_segment_is_dropped(tmp_path: Path, saves: list[Path]) -> None:
    path, day_ms = tmp_path / "state.sqlite3", 86_400_000
    with closing(SqliteState(path, GAINS, segment_events=10, log_days=1)) as state:
        state.append(_events(10))
        assert state.maintain(0).dropped == 0
        assert saves == []
        assert state.maintain(3 * day_ms).dropped == 1
        assert len(saves) == 1
