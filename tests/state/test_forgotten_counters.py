"""What a user added to counters is gone from every process, and from what is saved of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_rerank.state.sqlite import SqliteState
from tests.state.contract import GAINS, did


@pytest.fixture
def states(tmp_path: Path) -> Iterator[list[SqliteState]]:
    """Three that have the same file open, of which the last has not counted yet."""
    opened = [SqliteState(tmp_path / "state.sqlite3", GAINS) for _ in range(3)]
    opened[0].append(
        [
            did("1", user="u", session="su", query="my secret"),
            did("2", user="u", session="su", query="red shoe"),
            did("3", user="v", session="sv", query="red shoe"),
            did("4", user="u", session="su", query="hat"),
            did("5", user="v", session="sv", query="hat"),
            did("6", user="w", session=None, query="hat"),
            did("7", user=None, session="su2", query="my other secret", time_ms=1),
            did("8", user="u", session="su2", time_ms=2),
        ]
    )
    for state in opened[:2]:
        assert [query for query, _ in state.past_queries("", 9)] == ["hat", "red shoe"]
    yield opened
    for state in opened:
        state.close()


def test_no_process_counts_or_suggests_what_only_a_forgotten_user_did(
    states: list[SqliteState], tmp_path: Path
) -> None:
    states[0].forget("u", 10)
    states.append(SqliteState(tmp_path / "state.sqlite3", GAINS))
    for state in states:
        assert list(state.past_queries("", 9)) == [("hat", 2)]
        assert state.query_counts("red shoe", ["a"], 0)[0, 0] == 1
        assert state.query_counts("my secret", ["a"], 0)[0, 0] == 0
        assert state.similar_counts("my secrets", ["a"], 0)[0, 0, 0] == 0
        assert state.item_counts(["a"], 0).decayed[0, 0] == 3
        tally = state._following.tally(state._db)
        held = b"".join(array.tobytes() for array in tally.arrays().values())
        assert b"secret" not in held and b"red shoe" in held


def test_no_saved_counters_hold_what_only_a_forgotten_user_did(
    states: list[SqliteState], tmp_path: Path
) -> None:
    states[1]._save_counters()
    saved = tmp_path / "state.sqlite3-counters"
    assert b"my secret" in saved.read_bytes()
    states[0].forget("u", 10)
    assert b"secret" not in saved.read_bytes()
    states[2].append([did("9", user="v", query="red shoe", time_ms=11)])
    assert states[2].query_counts("red shoe", ["a"], 11)[0, 0] == pytest.approx(2)
    assert list(states[2].past_queries("red", 9)) == []
