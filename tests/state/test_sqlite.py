from __future__ import annotations

import multiprocessing
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.data.event import Interaction
from search_rerank.errors import StateError
from search_rerank.state.base import QUERY_HALF_LIVES_DAYS, State
from search_rerank.state.memory import MemoryState
from search_rerank.state.sqlite import SqliteState
from tests.state.contract import DAY_MS, GAINS, StateContract, did
from tests.state.contract_log_in import LogInContract
from tests.state.contract_queries import OwnQueriesContract


class TestSqliteState(StateContract, LogInContract, OwnQueriesContract):
    @pytest.fixture
    def state(self, tmp_path: Path) -> Iterator[State]:
        state = SqliteState(tmp_path / "deep" / "state.sqlite3", GAINS)
        yield state
        state.close()


def _other_process(path: Path, pipe: Connection) -> None:
    state = SqliteState(path, GAINS)
    while (id_ := pipe.recv()) is not None:
        if id_ == "read":
            count = float(state.item_counts(["a"], 0).decayed[0, 0])
            pipe.send((count, len(state.history("u", None, 99))))
        else:
            pipe.send(state.append([did(id_)]))
    state.close()


def test_two_processes_read_what_either_wrote(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_other_process, args=(path, there))
    other.start()
    state = SqliteState(path, GAINS)

    def elsewhere(what: str) -> object:
        here.send(what)
        assert here.poll(30), "the other process did not answer"
        return here.recv()

    try:
        for n in range(0, 20, 2):
            assert elsewhere(f"theirs {n}") == 1
            assert state.item_counts(["a"], 0).decayed[0, 0] == n + 1
            assert len(state.history("u", None, 99)) == n + 1
            assert state.append([did(f"ours {n}"), did(f"theirs {n}")]) == 1
            assert elsewhere("read") == (n + 2, n + 2)
    finally:
        here.send(None)
        other.join(30)
        state.close()
    assert other.exitcode == 0


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    for round_ in range(10):
        barrier, failures = threading.Barrier(6), []

        def open_it(
            path: Path = tmp_path / f"{round_}.sqlite3",
            barrier: threading.Barrier = barrier,
            failures: list[StateError] = failures,
        ) -> None:
            barrier.wait()
            try:
                SqliteState(path, GAINS).close()
            except StateError as error:
                failures.append(error)

        threads = [threading.Thread(target=open_it) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_threads_share_one_object(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "s.sqlite3", GAINS, "normal")
    threads = [
        threading.Thread(
            target=lambda k=k: [state.append([did(f"{k}.{n}")]) for n in range(25)]  # type: ignore[misc]
        )
        for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(state) == 100
    assert state.item_counts(["a"], 0).decayed[0, 0] == 100
    state.close()


def test_it_is_all_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    state = SqliteState(path, GAINS)
    state.append([did("1", "a", 5, session="s", type="cart", query="q")])
    before = state.history("u", None, 9)
    state.close()
    again = SqliteState(path, GAINS)
    assert list(again.history("u", None, 9)) == list(before)
    assert again.item_counts(["a"], 5).decayed[0, 0] == 2.0
    assert again.query_counts("q", ["a"], 5).tolist() == [[2.0] * len(QUERY_HALF_LIVES_DAYS)]
    again.close()


def test_a_failing_append_leaves_nothing_behind(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "s.sqlite3", GAINS)
    broken = did("2", user="new").model_copy(update={"query": frozenset()})
    with pytest.raises(StateError, match="not supported"):
        state.append([did("1"), broken])
    assert len(state) == state.mark() == 0
    assert state.append([did("1")]) == 1
    with sqlite3.connect(tmp_path / "s.sqlite3") as db:
        assert db.execute("SELECT name FROM users").fetchall() == [("u",)]
        assert db.execute("SELECT count(*) FROM queries").fetchone() == (0,)
    db.close()
    state.close()


def test_histories_are_read_by_index(tmp_path: Path) -> None:
    state = SqliteState(tmp_path / "s.sqlite3", GAINS)
    state.close()
    with sqlite3.connect(tmp_path / "s.sqlite3") as db:
        for where, index in (
            ("owner = 1", "events_by_owner"),
            ("session = 's' AND visit = 1 AND owner IS NULL", "events_by_visit"),
        ):
            plan = db.execute(
                f"EXPLAIN QUERY PLAN SELECT item FROM events WHERE {where} "
                "ORDER BY time_ms DESC, seq DESC LIMIT 5"
            ).fetchall()
            assert len(plan) == 1 and index in plan[0][3], plan
    db.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"not a database at all" * 100), "not a database"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE t (x)"), "another program's"),
        (
            lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 9"),
            "layout 2, found 9",
        ),
        (lambda path: path.mkdir(), "unable to open"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "s.sqlite3"
    make(path)  # type: ignore[operator]
    with pytest.raises(StateError, match=message):
        SqliteState(path, GAINS)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot make its folder"):
        SqliteState(tmp_path / "file" / "s.sqlite3", GAINS)


_EVENTS = st.lists(
    st.builds(
        did,
        id=st.integers(0, 30).map(str),
        item=st.sampled_from("abc"),
        time_ms=st.integers(0, 40).map(lambda days: days * DAY_MS),
        user=st.sampled_from(["u", "v"]),
        session=st.sampled_from([None, "s", "t"]),
        type=st.sampled_from(["click", "cart", "purchase", "stare"]),
        query=st.sampled_from([None, "q", "Q ", "r"]),
    )
    | st.builds(
        did,
        id=st.integers(0, 30).map(lambda n: f"visit {n}"),
        item=st.sampled_from("abc"),
        time_ms=st.integers(0, 40).map(lambda days: days * DAY_MS),
        user=st.none(),
        session=st.sampled_from(["s", "t"]),
    ),
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(_EVENTS, max_size=3), n=st.integers(1, 12))
def test_it_answers_as_memory_does(batches: list[list[Interaction]], n: int) -> None:
    memory = MemoryState(GAINS)
    now = 41 * DAY_MS
    with tempfile.TemporaryDirectory() as folder:
        state = SqliteState(Path(folder) / "s.sqlite3", GAINS, "normal")
        for batch in batches:
            assert state.append(batch) == memory.append(batch)
            for user in (None, "u", "v"):
                for session in (None, "s", "t"):
                    ours = list(state.history(user, session, n))
                    assert ours == list(memory.history(user, session, n))
            ours_counts = state.item_counts(list("abcd"), now)
            theirs = memory.item_counts(list("abcd"), now)
            np.testing.assert_allclose(ours_counts.decayed, theirs.decayed, rtol=1e-5)
            assert ours_counts.first_ms.tolist() == theirs.first_ms.tolist()
            assert ours_counts.last_ms.tolist() == theirs.last_ms.tolist()
            np.testing.assert_allclose(
                state.query_counts("q", list("abcd"), now),
                memory.query_counts("q", list("abcd"), now),
                rtol=1e-5,
            )
            assert list(state.shoppers(3)) == list(memory.shoppers(3))
            assert list(state.past_queries("", 3)) == list(memory.past_queries("", 3))
        state.close()
