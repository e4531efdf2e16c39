"""The log of a state file in segments: one log, wherever its rows are."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.learnt import LearntFrom
from search_rerank.data.read import read_events
from search_rerank.data.refused import Refused
from search_rerank.errors import StateError
from search_rerank.state.memory import MemoryState
from search_rerank.state.sqlite import SqliteState, StoredLog, expiry
from search_rerank.state.sqlite.segments import Segments
from tests.state.contract import DAY_MS, GAINS, did, page

SEGMENT = 10


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


@pytest.fixture
def state(path: Path) -> Iterator[SqliteState]:
    state = SqliteState(path, GAINS, segment_events=SEGMENT)
    yield state
    state.close()


def files(path: Path) -> list[str]:
    return sorted(file.name for file in (path.parent / "event_log").glob("*"))


def told(path: Path) -> list[str]:
    with StoredLog(path) as log:
        return [event.id for event in log.all()]


def keep(state: SqliteState, now_ms: int = 0) -> None:
    while state.maintain(now_ms).more:
        pass


def test_full_segments_are_sealed_and_the_rest_stays_open(path: Path, state: SqliteState) -> None:
    for n in range(0, 24, 2):
        state.append([did(str(n), time_ms=100 - n)])
        state.show([page(str(n + 1), "a", "b", time_ms=n)])
    assert state.maintain(0).sealed == 2
    assert state.maintain(0).sealed == 0
    assert files(path) == ["000001.jsonl.zst", "000002.jsonl.zst"]
    assert told(path) == [str(n) for n in range(22, -1, -2)]


def test_a_segment_is_read_as_a_file_of_events(path: Path, state: SqliteState) -> None:
    events = [
        did(str(n), time_ms=n + DAY_MS, session="s", query="q" if n % 2 else None)
        for n in range(SEGMENT - 1)
    ]
    shown = page("p", "a", "b", time_ms=DAY_MS)
    state.append(events)
    state.show([shown])
    keep(state)
    with Refused(None) as refused:
        file = path.parent / "event_log" / "000001.jsonl.zst"
        found = list(read_events(file, refused, None, 2 * DAY_MS))
        assert len(refused) == 0
    key = [(event.time_ms, event.id) for event in found]
    assert key == sorted(key)
    assert {event.id: event for event in found} == {one.id: one for one in (*events, shown)}


def test_what_left_the_histories_is_counted_by_who_comes_later(
    path: Path, state: SqliteState
) -> None:
    state.append([did(str(n), "a", n, query="q") for n in range(30)])
    state.show([page(str(n), "a", time_ms=n) for n in range(30)])
    assert state.expire(15) == 30
    assert len(state) == 15
    counters = path.with_name("state.sqlite3-counters")
    for snapshot in (True, False):  # without one, the log is counted anew
        if not snapshot:
            counters.unlink()
        with closing(SqliteState(path, GAINS)) as later:
            counts = later.item_counts(["a"], 30)
            assert counts.decayed[0, 3] == pytest.approx(30, rel=1e-4)
            assert counts.shown[0, 3] == pytest.approx(30, rel=1e-4)
            assert counts.first_ms.tolist() == [0]
            assert later.query_counts("q", ["a"], 30)[0, 3] == pytest.approx(30, rel=1e-4)


def test_a_snapshot_of_another_file_is_not_used(path: Path, tmp_path: Path) -> None:
    with closing(SqliteState(path, GAINS)) as one:
        one.append([did("1", "a")])
        one.expire(0)
    other = tmp_path / "other" / "state.sqlite3"
    with closing(SqliteState(other, GAINS)) as state:
        path.with_name("state.sqlite3-counters").rename(other.with_name("state.sqlite3-counters"))
        state.append([did("1", "b")])
        assert state.item_counts(["a", "b"], 0).decayed[:, 0].tolist() == [0, 1]


def test_upkeep_keeps_what_the_settings_say(path: Path) -> None:
    with closing(
        SqliteState(path, GAINS, retention_days=10, segment_events=SEGMENT, log_days=20)
    ) as state:
        state.append([did(str(n), time_ms=n * DAY_MS) for n in range(30)])
        done = state.maintain(30 * DAY_MS)
        assert (done.sealed, done.expired, done.dropped) == (3, 20, 1)
        assert len(state) == 10
        assert state.append([did("19", time_ms=19 * DAY_MS)]) == 0
        assert files(path) == ["000002.jsonl.zst", "000003.jsonl.zst"]
        assert told(path) == [str(n) for n in range(10, 30)]
        counts = state.item_counts(["a"], 30 * DAY_MS)
    with closing(SqliteState(path, GAINS)) as later:
        assert later.item_counts(["a"], 30 * DAY_MS).decayed.tolist() == counts.decayed.tolist()


def test_one_process_keeps_the_file_in_shape_at_a_time(path: Path, state: SqliteState) -> None:
    state.append([did(str(n)) for n in range(SEGMENT)])
    with closing(SqliteState(path, GAINS, segment_events=SEGMENT)) as other:
        with state._upkeep.alone():
            assert other.maintain(0).sealed == 0
        assert other.maintain(0).sealed == 1
    assert state.maintain(0).sealed == 0


def test_a_file_that_was_not_named_yet_is_written_again(path: Path, state: SqliteState) -> None:
    """As after a crash between the renaming and the commit."""
    state.append([did(str(n), time_ms=n) for n in range(SEGMENT)])
    folder = path.parent / "event_log"
    folder.mkdir()
    (folder / "000001.jsonl.zst").write_bytes(b"half")
    (folder / "000001.jsonl.zst.part").write_bytes(b"half")
    assert told(path) == [str(n) for n in range(SEGMENT)]
    state.expire(SEGMENT)
    assert files(path) == ["000001.jsonl.zst"]
    assert told(path) == [str(n) for n in range(SEGMENT)]


def test_a_segment_that_cannot_be_written_is_an_error_and_loses_nothing(
    path: Path, state: SqliteState
) -> None:
    state.append([did(str(n), time_ms=n) for n in range(SEGMENT)])
    (path.parent / "event_log").write_text("in the way")
    with pytest.raises(StateError, match=r"segment .*000001.jsonl.zst of the log"):
        state.maintain(0)
    (path.parent / "event_log").unlink()
    assert state.maintain(0).sealed == 1
    assert told(path) == [str(n) for n in range(SEGMENT)]


def test_a_damaged_segment_is_named(path: Path, state: SqliteState) -> None:
    state.append([did(str(n), time_ms=n) for n in range(SEGMENT)])
    state.expire(SEGMENT)
    file = path.parent / "event_log" / "000001.jsonl.zst"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StateError, match=r"000001.jsonl.zst of the log: .*from a backup"):
        told(path)
    file.unlink()
    with pytest.raises(StateError, match=r"000001.jsonl.zst of the log: .*No such file"):
        told(path)


def test_segments_are_open_only_while_their_time_lasts(
    path: Path, state: SqliteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 20 * SEGMENT
    state.append([did(str(n), time_ms=n) for n in range(n)])
    keep(state)
    state.expire(n)
    most, begun = 0, 0
    rows = Segments.rows

    def watched(self: Segments, number: int) -> Iterator[dict[str, Any]]:
        nonlocal most, begun
        begun += 1
        most = max(most, begun)
        yield from rows(self, number)
        begun -= 1

    monkeypatch.setattr(Segments, "rows", watched)
    assert told(path) == [str(n) for n in range(n)]
    assert most <= 2


_NAMES = st.sampled_from([None, "u", "v"])
_SESSIONS = st.sampled_from(["s", "t"])
_TIMES = st.integers(0, 40).map(lambda days: days * DAY_MS)


@st.composite
def _batch(draw: st.DrawFn) -> list[Interaction | Ranking]:
    events: list[Interaction | Ranking] = []
    for _ in range(draw(st.integers(0, 12))):
        number, time_ms = str(draw(st.integers(0, 60))), draw(_TIMES)
        user, session = draw(_NAMES), draw(_SESSIONS)
        if draw(st.booleans()):
            item, query = draw(st.sampled_from("abc")), draw(st.sampled_from([None, "q"]))
            events.append(did(number, item, time_ms, user=user, session=session, query=query))
        else:
            events.append(page(number, "a", "c", time_ms=time_ms, user=user, session=session))
    return events


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    batches=st.lists(_batch(), min_size=1, max_size=4),
    horizons=st.lists(st.integers(0, 40), min_size=4, max_size=4),
    forgotten=st.sampled_from([None, "u"]),
)
def test_the_log_is_one_wherever_its_rows_are(
    batches: Sequence[list[Interaction | Ranking]], horizons: Sequence[int], forgotten: str | None
) -> None:
    """Sealed, expired or neither: the log tells what it told before, and states agree."""
    memory = MemoryState(GAINS)
    logged: list[Interaction | Ranking] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite3"
        with closing(SqliteState(path, GAINS, "normal", segment_events=SEGMENT)) as state:
            for batch, horizon in zip(batches, horizons, strict=False):
                events = [event for event in batch if isinstance(event, Interaction)]
                pages = [event for event in batch if isinstance(event, Ranking)]
                before = state.mark()
                assert state.append(events) == memory.append(events)
                assert state.show(pages) == memory.show(pages)
                with StoredLog(path) as log:
                    logged += _rows(log.appended(before, log.mark))
                    logged += log.shown(before, log.mark)
                keep(state)
                assert state.expire(horizon * DAY_MS) == memory.expire(horizon * DAY_MS)
                _check_log(path, logged)
                _check_states(state, memory)
            if forgotten is not None:
                theirs = list(state.export(forgotten))
                assert all(one in theirs for one in logged if one.user == forgotten)
                logged = [one for one in logged if one not in theirs]
                state.forget(forgotten, 50 * DAY_MS)
                memory.forget(forgotten, 50 * DAY_MS)
                assert list(state.export(forgotten)) == []
                _check_log(path, logged)
                _check_states(state, memory, counters=False)


def _rows(found: Iterator[Any]) -> list[Interaction]:
    return [Interaction.model_validate(row._asdict()) for row in found]


def _check_log(path: Path, logged: Sequence[Interaction | Ranking]) -> None:
    order = {id(event): n for n, event in enumerate(logged)}
    in_time = sorted(logged, key=lambda event: (event.time_ms, order[id(event)]))
    events = [event for event in in_time if isinstance(event, Interaction)]
    pages = [event for event in in_time if isinstance(event, Ranking)]
    with StoredLog(path) as log:
        assert _rows(log.all()) == events
        assert list(log.pages()) == pages
        by_number = [event for event in logged if isinstance(event, Interaction)]
        assert _rows(log.appended(0, log.mark)) == by_number
        assert log.items() == {event.item for event in events}
        for cut in (0, 10, 20, 41):
            expected = sum(event.time_ms < cut * DAY_MS for event in events)
            assert log.count_before(cut * DAY_MS) == expected
        half = 20 * DAY_MS
        assert _rows(log.new(LearntFrom(half, 0, mark=None), ("b",))) == [
            event for event in events if event.time_ms >= half or event.item == "b"
        ]
        assert _rows(log.of({"u"}, {"t"})) == [
            event
            for event in events
            if event.user == "u" or (event.user is None and event.session == "t")
        ]


def _check_states(state: SqliteState, memory: MemoryState, counters: bool = True) -> None:
    for user in (None, "u", "v"):
        for session in (None, "s", "t"):
            assert list(state.history(user, session, 9)) == list(memory.history(user, session, 9))
            assert list(state.shown(user, session, 9)) == list(memory.shown(user, session, 9))
    ours, theirs = (one.item_counts(list("abc"), 41 * DAY_MS) for one in (state, memory))
    assert ours.decayed == pytest.approx(theirs.decayed, rel=1e-4, abs=1e-4) or not counters
    assert ours.shown == pytest.approx(theirs.shown, rel=1e-4, abs=1e-4) or not counters
    assert len(state) == len(memory)


def test_the_folder_of_segments_is_synced(
    path: Path, state: SqliteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the state names is on the disk: the file first, then its name."""
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def synced(file: int) -> None:
        steps.append("sync")
        sync(file)

    def replaced(one: Path, other: Path) -> None:
        steps.append("rename")
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT count(*) FROM segments").fetchone() == (0,)
        replace(one, other)

    monkeypatch.setattr("search_rerank.state.sqlite.segments.os.fsync", synced)
    monkeypatch.setattr("search_rerank.state.sqlite.segments.os.replace", replaced)
    state.append([did(str(n)) for n in range(SEGMENT)])
    with state._upkeep.alone() as db:
        assert db is not None
        assert state._upkeep.seal(db)
    assert steps == ["sync", "rename", "sync"]


def test_much_that_expires_goes_in_parts(
    path: Path, state: SqliteState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers have their turn between the parts, and each part is in one place or the other."""
    monkeypatch.setattr(expiry, "_AT_ONCE", 10)
    state.append([did(str(n), time_ms=n // 2) for n in range(100)])
    seen = []

    def pause(seconds: float) -> None:
        with closing(SqliteState(path, GAINS, wait_s=0.0)) as other:
            assert other.append([did(f"meanwhile {len(seen)}", time_ms=1000)]) == 1
        seen.append(len([id_ for id_ in told(path) if not id_.startswith("meanwhile")]))

    monkeypatch.setattr(expiry, "sleep", pause)
    assert state.expire(45) == 90
    assert seen == [100] * 8
    assert told(path)[:100] == [str(n) for n in range(100)]


def test_segments_that_hold_nothing_more_may_go(path: Path) -> None:
    with closing(SqliteState(path, GAINS, segment_events=SEGMENT, log_days=1)) as state:
        state.append([did(str(n), time_ms=n) for n in range(25)])
        assert state.maintain(2 * DAY_MS).dropped == 2
        assert files(path) == []
        assert told(path) == [str(n) for n in range(25)]
        assert state.append([did("3"), did("new", time_ms=25)]) == 1
        assert state.forget("u", 5).interactions == 26
        assert told(path) == []
