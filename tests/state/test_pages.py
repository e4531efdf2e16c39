"""What was shown, as a SQLite file keeps it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from search_rerank.state.sqlite import SqliteState, StoredLog
from tests.state.contract import GAINS, did, page


def test_pages_outlive_the_process_and_reach_others(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    with closing(SqliteState(path, GAINS)) as one, closing(SqliteState(path, GAINS)) as other:
        assert other.item_counts(["a"], 0).shown[0, 0] == 0
        one.show([page("1", "a"), page("2", "a")])
        assert other.item_counts(["a"], 0).shown[0, 0] == 2
        assert [list(shown.items) for shown in other.shown("u", None, 9)] == [["a"], ["a"]]
        assert other.show([page("2", "a")]) == 0


def test_pages_and_interactions_are_numbered_in_one_row(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    with closing(SqliteState(path, GAINS)) as state:
        marks = [state.mark()]
        for n in range(3):  # a page comes first of all, too
            state.show([page(f"p{n}", "a"), page(f"q{n}", "b")])
            marks.append(state.mark())
            state.append([did(f"e{n}")])
            marks.append(state.mark())
        assert marks == sorted(set(marks))
        with StoredLog(path) as log:
            spans = list(zip(marks, marks[1:], strict=False))
            shown = [[one.id for one in log.shown(*span)] for span in spans]
            did_then = [[one.id for one in log.appended(*span)] for span in spans]
    assert shown == [["p0", "q0"], [], ["p1", "q1"], [], ["p2", "q2"], []]
    assert did_then == [[], ["e0"], [], ["e1"], [], ["e2"]]


def test_what_a_page_says_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    told = page("1", "b", "a", time_ms=7, user=None, session="s").model_copy(
        update={"query": "red shoe"}
    )
    with closing(SqliteState(path, GAINS)) as state:
        state.show([told])
        with StoredLog(path) as log:
            assert list(log.shown(0, state.mark())) == [told]
