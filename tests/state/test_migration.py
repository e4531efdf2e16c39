"""Files of earlier releases are brought to the layout of this one, once and whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from search_rerank.data.event import Interaction, Ranking
from search_rerank.errors import StateError
from search_rerank.state.memory import MemoryState
from search_rerank.state.sqlite import SqliteState, StoredLog, migration
from tests.state.contract import GAINS, did, page
from tests.state.layout_1 import write_layout_1

TOLD: list[Interaction | Ranking] = [
    did("0123456789abcdef0123456789abcdef", "a", 3, user=None, session="s", query="q"),
    page("p1", "a", "b", time_ms=4, user=None, session="s"),
    did("2", "b", 5, user="u", session="s", type="cart"),
    page("p2", "c", time_ms=6),
    did("3", "c", 1, user="v", query="q"),
]


def test_a_file_of_layout_1_holds_the_same_after_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    numbers = write_layout_1(path, TOLD)
    memory = MemoryState(GAINS)
    memory.append([event for event in TOLD if isinstance(event, Interaction)])
    memory.show([event for event in TOLD if isinstance(event, Ranking)])
    for _ in range(2):  # the second opening finds nothing to do
        with closing(SqliteState(path, GAINS)) as state:
            for user, session in (("u", None), ("v", None), (None, "s"), ("u", "s")):
                assert list(state.history(user, session, 9)) == list(
                    memory.history(user, session, 9)
                )
                assert list(state.shown(user, session, 9)) == list(memory.shown(user, session, 9))
            assert state.query_counts("q", ["a", "c"], 6).tolist() == (
                memory.query_counts("q", ["a", "c"], 6).tolist()
            )
            assert state.mark() == len(TOLD)
            assert state.append([did("2"), did(TOLD[0].id)]) == 0
            assert state.show([page("p1", "a")]) == 0
        with StoredLog(path) as log:
            for seq in range(1, len(TOLD) + 1):
                told = [row.id for row in log.appended(seq - 1, seq)]
                told += [row.id for row in log.shown(seq - 1, seq)]
                assert [numbers[id_] for id_ in told] == [seq]
    with closing(sqlite3.connect(path)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        assert not {name for name in tables if name.startswith("old_")}
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_of_the_first_release_had_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    write_layout_1(path, [did("1")], pages=False)
    with closing(SqliteState(path, GAINS)) as state:
        assert state.show([page("1", "a")]) == 1
        counts = state.item_counts(["a"], 0)
        assert (counts.decayed[0, 0], counts.shown[0, 0]) == (1, 1)


def test_a_move_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.sqlite3"
    write_layout_1(path, TOLD)

    def full(row: object) -> tuple[int, Ranking]:
        raise sqlite3.DatabaseError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(migration, "_page", full)
        with pytest.raises(StateError, match="disk is full"):
            SqliteState(path, GAINS)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM events").fetchone() == (3,)
    with closing(SqliteState(path, GAINS)) as state:
        assert len(state) == 3
