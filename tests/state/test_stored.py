"""A state's log read back: what is new, whose it is, as it was at one moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_rerank.data.learnt import LearntFrom
from search_rerank.errors import StateError
from search_rerank.state.sqlite import SqliteState, StoredLog
from tests.state.contract import GAINS, did


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


@pytest.fixture
def state(path: Path) -> Iterator[SqliteState]:
    state = SqliteState(path, GAINS)
    yield state
    state.close()


def ids(path: Path, learnt: LearntFrom, items: tuple[str, ...] = ()) -> list[str]:
    with StoredLog(path) as log:
        return [event.id for event in log.new(learnt, items)]


def test_interactions_come_back_as_they_were_told(path: Path, state: SqliteState) -> None:
    told = [
        did("2", time_ms=20, session="s", type="purchase", query="red shoes"),
        did("1", "b", time_ms=10, user=None, session="s"),
    ]
    state.append(told)
    with StoredLog(path) as log:
        assert [row._asdict() for row in log.all()] == [
            event.model_dump(exclude={"event"}) for event in (told[1], told[0])
        ]
        assert log.items() == {"a", "b"}
        assert (log.count_before(20), log.count_before(21)) == (1, 2)


def test_new_is_what_came_later_by_number_or_by_time(path: Path, state: SqliteState) -> None:
    state.append([did("old", time_ms=10), did("meanwhile", time_ms=30)])
    with StoredLog(path) as log:
        learnt = LearntFrom(until_ms=20, interactions=1, mark=log.mark)
    state.append([did("late", time_ms=5), did("after", time_ms=40)])
    assert ids(path, learnt) == ["late", "meanwhile", "after"]
    assert ids(path, LearntFrom(20, 1, mark=None)) == ["meanwhile", "after"]


def test_all_of_an_unknown_item_is_new(path: Path, state: SqliteState) -> None:
    state.append([did("1", "a", time_ms=10), did("2", "b", time_ms=11), did("3", "a", time_ms=12)])
    with StoredLog(path) as log:
        learnt = LearntFrom(until_ms=20, interactions=3, mark=log.mark)
    assert ids(path, learnt) == []
    assert ids(path, learnt, ("b", "never")) == ["2"]


def test_a_visit_that_became_a_users_is_theirs(path: Path, state: SqliteState) -> None:
    state.append(
        [
            did("1", user="u", time_ms=1),
            did("2", user=None, session="s", time_ms=2),
            did("3", user="v", session="s", time_ms=3),
            did("4", user="w", time_ms=4),
        ]
    )
    with StoredLog(path) as log:
        assert [event.id for event in log.of({"u"}, {"s"})] == ["1", "2"]
        assert [event.id for event in log.of({"v", "w"}, set())] == ["3", "4"]


def test_what_is_told_while_it_is_read_comes_next_time(path: Path, state: SqliteState) -> None:
    state.append([did("1", time_ms=1)])
    with StoredLog(path) as log:
        state.append([did("2", time_ms=2)])
        assert [event.id for event in log.all()] == ["1"]
        learnt = LearntFrom(until_ms=2, interactions=1, mark=log.mark)
    assert ids(path, learnt) == ["2"]


def test_an_empty_state_has_no_log(path: Path, state: SqliteState) -> None:
    with StoredLog(path) as log:
        assert (log.mark, list(log.all()), log.items()) == (0, [], set())


def test_a_missing_file_is_an_error_and_stays_missing(path: Path) -> None:
    with pytest.raises(StateError, match=r"state .*state.sqlite3: unable to open"):
        StoredLog(path)
    assert not path.exists()
