"""Nothing of a forgotten user is left in any file, and counters of every process follow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from search_rerank.errors import StateError
from search_rerank.state.sqlite import SqliteState, StoredLog
from search_rerank.state.sqlite.segments import Segments
from tests.state.contract import GAINS, did, page

USER, SESSION, ID, QUERY = "user-to-forget", "session-to-forget", "id-to-forget", "private words"
HEX = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


@pytest.fixture
def state(path: Path) -> Iterator[SqliteState]:
    state = SqliteState(path, GAINS, segment_events=10)
    yield state
    state.close()


def fill(state: SqliteState) -> None:
    """Tell of 40 shoppers and of one who is to be forgotten: in files only, in both, in tables."""
    for n in range(40):
        others = [did(f"{n}.{k}", "a", n, user=f"v{k}", session=f"s{k}") for k in range(3)]
        visit = did(f"{ID}-visit-{n}", "a", n, user=None, session=SESSION, query=QUERY)
        own = did(f"{ID}-{n}", "a", n, user=USER, session=SESSION, query=QUERY)
        state.append([*others, own if n % 10 == 9 else visit])
        state.show([page(f"{ID}-page-{n}", "a", time_ms=n, user=USER, session=SESSION)])
    state.append([did(HEX, "a", 40, user=USER, session=HEX)])


def found(folder: Path, *words: str) -> dict[str, list[str]]:
    """Return each file that holds a word, with the words."""
    holders = {}
    segments = Segments(folder / "event_log")
    for file in folder.rglob("*"):
        if file.is_file():
            held = file.read_bytes()
            if file.suffix == ".zst":
                held = b"".join(segments.lines(int(file.name.split(".")[0])))
            texts = [word for word in words if word.encode() in held]
            if bytes.fromhex(HEX) in held:
                texts.append(HEX)
            if texts:
                holders[file.name] = texts
    return holders


def test_nothing_is_left_in_any_file(path: Path, state: SqliteState) -> None:
    fill(state)
    while state.maintain(0).more:
        pass
    state.expire(20)
    state.item_counts(["a"], 40)
    assert len(found(path.parent, USER, SESSION, ID)) > 5
    receipt = state.forget(USER, 100)
    assert (receipt.interactions, receipt.rankings, receipt.complete) == (41, 40, True)
    assert receipt.segments >= 10
    assert found(path.parent, USER, SESSION, ID) == {}
    assert len(state) == 60
    counts = state.item_counts(["a"], 40)
    assert counts.decayed[0, 3] == pytest.approx(120, rel=1e-3)
    assert counts.shown[0, 3] == pytest.approx(0, abs=1e-3)
    with StoredLog(path) as log:
        assert len(list(log.all())) == 120 and list(log.pages()) == []
        assert log.count_before(100) == 120


def test_its_words_go_with_what_counters_take_back(path: Path, state: SqliteState) -> None:
    fill(state)
    assert state.query_counts(QUERY, ["a"], 40)[0, 3] > 30
    state.forget(USER, 100)
    assert state.query_counts(QUERY, ["a"], 40)[0, 3] == pytest.approx(0, abs=1e-3)
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute("SELECT count(*) FROM corrections").fetchone() == (81,)
        db.execute("UPDATE corrections SET made_s = made_s - 90000")
    state.maintain(0)
    assert found(path.parent, QUERY) == {}


def test_counters_of_every_process_follow(path: Path, state: SqliteState) -> None:
    with closing(SqliteState(path, GAINS)) as knew, closing(SqliteState(path, GAINS)) as late:
        state.append([did("1", user="u", query="q"), did("2", user="v")])
        state.show([page("1", "a", user="u")])
        assert knew.item_counts(["a"], 0).decayed[0, 0] == 2
        state.append([did("3", user="u", query="q")])
        state.forget("u", 0)
        for one in (knew, late, state):
            counts = one.item_counts(["a"], 0)
            assert counts.decayed[0, 0] == pytest.approx(1)
            assert counts.shown[0, 0] == pytest.approx(0)
            assert one.query_counts("q", ["a"], 0)[0, 0] == pytest.approx(0)


def test_who_slept_while_corrections_were_dropped_counts_anew(
    path: Path, state: SqliteState
) -> None:
    with closing(SqliteState(path, GAINS)) as slept:
        state.append([did("1", user="u"), did("2", user="v")])
        assert slept.item_counts(["a"], 0).decayed[0, 0] == 2
        state.forget("u", 0)
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE corrections SET made_s = made_s - 90000")
        state.maintain(0)
        assert slept.item_counts(["a"], 0).decayed[0, 0] == pytest.approx(1)


def test_work_that_was_cut_short_is_finished_by_another(
    path: Path, state: SqliteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(state)
    while state.maintain(0).more:
        pass
    state.expire(20)
    with monkeypatch.context() as broken:

        def full(self: Segments, number: int, lines: object) -> None:
            raise StateError("no space left on the disk")

        broken.setattr(Segments, "write", full)
        with pytest.raises(StateError, match="no space left"):
            state.forget(USER, 100)
    with StoredLog(path) as log:  # the files still hold them, and nobody is told
        assert all(event.user != USER for event in log.all())
        assert list(log.pages()) == []
    with closing(SqliteState(path, GAINS)) as other:
        assert other.item_counts(["a"], 40).decayed[0, 3] == pytest.approx(120, rel=1e-3)
        other.maintain(0)
        assert found(path.parent, USER, SESSION, ID) == {}


def test_what_a_reader_still_saw_goes_after_it(path: Path, state: SqliteState) -> None:
    fill(state)
    with StoredLog(path):
        assert not state.forget(USER, 100).complete
    state.maintain(0)
    assert found(path.parent, USER, SESSION, ID) == {}


def test_opting_out_keeps_no_name(path: Path, state: SqliteState) -> None:
    state.set_opted_out(USER, True)
    state.append([did("1", user=USER)])
    with closing(SqliteState(path, GAINS)) as other:
        assert other.opted_out(USER)
        assert other.append([did("1", user=USER)]) == 0
    assert found(path.parent, USER) == {}


def test_visits_that_only_files_hold_are_of_whom_claimed_them(
    path: Path, state: SqliteState
) -> None:
    state.append([did(f"v{n}", time_ms=n, user=None, session="s") for n in (1, 3)])
    state.append([did("2", time_ms=2, user="v", session="s")])
    state.append([did("60", time_ms=60, user="u", session="s")])
    state.expire(50)
    while state.maintain(10**13).more:  # nothing comes late for claims as old as these
        pass
    assert [event.id for event in state.export("u")] == ["v3", "60"]
    assert [event.id for event in state.export("v")] == ["v1", "2"]
    assert state.forget("u", 100).interactions == 2
    with StoredLog(path) as log:
        assert [event.id for event in log.all()] == ["v1", "2"]
    assert state.forget("v", 100).interactions == 2
    with StoredLog(path) as log:
        assert list(log.all()) == []


def test_a_number_is_never_given_to_another_user(path: Path, state: SqliteState) -> None:
    state.append([did("1", time_ms=1, user="u", session="s")])
    state.expire(2)
    state.append([did("2", time_ms=2, user="new"), did("3", time_ms=3, user=None, session="s")])
    assert [past.time_ms for past in state.history("new", None, 9)] == [2]
