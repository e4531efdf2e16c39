"""What every implementation of `State` must do of shoppers who log in, and of those who leave."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.event import Event, Interaction
from search_rerank.state.base import State
from tests.state.contract import did, page


def visit(id: str, time_ms: int, session: str = "s") -> Interaction:
    return did(id, f"i{id}", time_ms, user=None, session=session)


def items(state: State, user: str | None, session: str | None = None) -> list[str]:
    return [past.item for past in state.history(user, session, 50)]


def pages(state: State, user: str | None, session: str | None = None) -> list[str]:
    return [shown.items[0] for shown in state.shown(user, session, 50)]


def ids(events: object) -> list[str]:
    return [event.id for event in events]  # type: ignore[attr-defined]


class LogInContract:
    """Inherit, and give a fixture `state` that returns an empty one with `GAINS`."""

    def test_log_in_claims_what_the_visit_did_before(self, state: State) -> None:
        state.append([visit("1", 1), visit("2", 2), visit("x", 1, "other")])
        assert items(state, "u") == []
        state.append([did("3", "i3", 3, user="u", session="s")])
        assert items(state, "u") == ["i1", "i2", "i3"]
        assert items(state, None, "s") == []
        assert items(state, "v", "s") == []
        assert items(state, None, "other") == ["ix"]
        assert [tuple(row) for row in state.shoppers(5)] == [("u", 3)]

    def test_a_ranking_claims_too_and_is_claimed(self, state: State) -> None:
        state.append([visit("1", 1)])
        state.show([page("p1", "a", time_ms=2, user=None, session="s")])
        assert pages(state, "u") == []
        state.show([page("p2", "b", time_ms=3, user="u", session="s")])
        assert items(state, "u") == ["i1"]
        assert pages(state, "u") == ["a", "b"]
        assert pages(state, None, "s") == []

    def test_after_log_out_the_visit_is_its_own_until_the_next_claim(self, state: State) -> None:
        state.append([visit("1", 1), did("2", "i2", 2, user="u", session="s"), visit("3", 3)])
        assert items(state, "u") == ["i1", "i2"]
        assert items(state, None, "s") == items(state, "v", "s") == ["i3"]
        state.append([did("4", "i4", 4, user="v", session="s")])
        assert items(state, "v") == ["i3", "i4"]
        assert items(state, "u") == ["i1", "i2"]

    def test_what_is_claimed_stays_claimed(self, state: State) -> None:
        state.append([visit("1", 1)])
        state.append([did("2", "i2", 5, user="u", session="s")])
        state.append([did("3", "i3", 3, user="v", session="s")])
        assert items(state, "u") == ["i1", "i2"]
        assert items(state, "v") == ["i3"]

    def test_what_comes_late_is_claimed_by_the_first_claim_after_it(self, state: State) -> None:
        state.append([did("2", "i2", 2, user="u", session="s")])
        state.append([did("4", "i4", 4, user="v", session="s")])
        state.append([did("6", "i6", 6, user="u", session="s")])
        state.append([visit("5", 5), visit("3", 3), visit("1", 1), visit("7", 7)])
        assert items(state, "u") == ["i1", "i2", "i5", "i6"]
        assert items(state, "v") == ["i3", "i4"]
        assert items(state, None, "s") == ["i7"]

    def test_a_claim_reaches_what_is_of_its_own_moment(self, state: State) -> None:
        state.append([visit("1", 5), did("2", "i2", 5, user="u", session="s"), visit("3", 5)])
        assert items(state, "u") == ["i1", "i2", "i3"]

    def test_pages_told_after_interactions_are_claimed_the_same(self, state: State) -> None:
        """Replay tells all interactions of a while first, then all pages."""
        state.append([did("2", "i2", 2, user="u", session="s")])
        state.show([page("p1", "a", time_ms=1, user=None, session="s")])
        state.show([page("p3", "c", time_ms=3, user=None, session="s")])
        assert pages(state, "u") == ["a"]
        assert pages(state, None, "s") == ["c"]

    def test_export_is_everything_as_it_was_told(self, state: State) -> None:
        told: list[Event] = [
            visit("1", 1),
            page("p2", "a", "b", time_ms=2, user=None, session="s"),
            did("3", "i3", 3, user="u", session="s", type="cart", query="q"),
            page("p4", "c", time_ms=4, user="u"),
        ]
        state.append([visit("x", 9), did("y", user="v"), *(told[2], told[0])])  # type: ignore[list-item]
        state.show([told[3], told[1], page("z", "a", user="v")])  # type: ignore[list-item]
        assert [event.model_dump() for event in state.export("u")] == [
            event.model_dump() for event in told
        ]
        assert list(state.export("nobody")) == []

    def test_forget_leaves_what_would_be_without_the_user(self, state: State) -> None:
        state.append(
            [
                did("1", "a", 1, user="v", query="shared"),
                visit("2", 2),
                did("3", "a", 3, user="u", session="s", query="shared"),
                did("4", "a", 4, user="u", query="own"),
                visit("5", 5),
            ]
        )
        state.show([page("p1", "a", "b", user="u"), page("p2", "b", user="v")])
        receipt = state.forget("u", 10)
        assert (receipt.interactions, receipt.rankings, receipt.complete) == (3, 1, True)
        assert items(state, "u") == pages(state, "u") == list(state.export("u")) == []
        assert items(state, "v") == ["a"] and items(state, None, "s") == ["i5"]
        assert [tuple(row) for row in state.shoppers(5)] == [("v", 1)]
        assert len(state) == 2
        counts = state.item_counts(["a", "i2", "b"], 5)
        np.testing.assert_allclose(counts.decayed[:, 3], [1, 0, 0], atol=1e-6)
        np.testing.assert_allclose(counts.shown[:, 3], [0, 0, 1], atol=1e-6)
        np.testing.assert_allclose(state.query_counts("shared", ["a"], 5)[0, 3], 1, atol=1e-6)
        assert not state.query_counts("own", ["a"], 5).any()

    def test_forget_after_counting_takes_back_what_was_counted(self, state: State) -> None:
        state.append([did("1", "a", 0, user="u", query="q"), did("2", "a", 0, user="v")])
        state.show([page("p", "a", user="u")])
        assert state.item_counts(["a"], 0).decayed[0, 0] == 2
        assert state.query_counts("q", ["a"], 0)[0, 0] == 1
        state.forget("u", 1)
        counts = state.item_counts(["a"], 0)
        assert counts.decayed[0, 0] == pytest.approx(1)
        assert counts.shown[0, 0] == pytest.approx(0, abs=1e-6)
        assert state.query_counts("q", ["a"], 0)[0, 0] == pytest.approx(0, abs=1e-6)

    def test_a_copy_of_the_log_brings_nobody_back(self, state: State) -> None:
        log = [visit("1", 1), did("2", "i2", 2, user="u", session="s"), did("3", user="v")]
        state.append(log)
        state.forget("u", 10)
        assert state.append(log) == 0
        assert state.show([page("p", "a", time_ms=10, user="u")]) == 0
        assert items(state, "u") == items(state, None, "s") == []
        assert state.append([did("4", "again", 11, user="u", session="s")]) == 1
        assert items(state, "u") == ["again"]

    def test_forgetting_nobody_is_no_error(self, state: State) -> None:
        state.append([did("1", user="v")])
        receipt = state.forget("nobody", 5)
        assert (receipt.interactions, receipt.rankings, receipt.segments) == (0, 0, 0)
        assert len(state) == 1

    def test_who_opted_out_is_not_stored(self, state: State) -> None:
        state.append([did("1", "a", user="u")])
        assert not state.opted_out("u")
        state.set_opted_out("u", True)
        assert state.opted_out("u") and not state.opted_out("v")
        assert state.append([did("2", "b", user="u", session="s"), did("3", user="v")]) == 1
        assert state.show([page("p", "a", user="u")]) == 0
        assert items(state, "u") == ["a"]
        assert state.append([visit("4", 0)]) == 1
        state.set_opted_out("u", False)
        assert not state.opted_out("u")
        assert state.append([did("2", "b", user="u", session="s")]) == 1

    def test_expired_rows_leave_histories_and_stay_counted(self, state: State) -> None:
        state.append([did("1", "a", 1, query="q"), visit("2", 2), did("3", "a", 30)])
        state.show([page("p1", "a", time_ms=1), page("p2", "b", time_ms=30)])
        before = state.item_counts(["a", "b"], 30)
        assert state.expire(30) == 3
        assert state.expire(30) == 0
        assert items(state, "u") == ["a"] and items(state, None, "s") == []
        assert pages(state, "u") == ["b"]
        assert len(state) == 1
        after = state.item_counts(["a", "b"], 30)
        assert after.decayed.tolist() == before.decayed.tolist()
        assert after.shown.tolist() == before.shown.tolist()
        assert state.query_counts("q", ["a"], 30)[0, 0] == pytest.approx(1)

    def test_what_is_older_than_the_histories_is_not_stored_again(self, state: State) -> None:
        old = did("1", "a", 1)
        state.append([old])
        state.expire(30)
        assert state.append([old, did("2", "a", 29), did("3", "a", 30)]) == 1
        assert state.item_counts(["a"], 30).decayed[0, 3] == pytest.approx(2)

    def test_the_mark_rises_with_each_row(self, state: State) -> None:
        marks = [state.mark()]
        for n in range(3):
            state.append([did(str(n))])
            marks.append(state.mark())
            state.show([page(str(n), "a")])
            marks.append(state.mark())
        assert marks[0] == 0 and marks == sorted(set(marks))

    def test_upkeep_changes_no_answer(self, state: State) -> None:
        state.append([did(str(n), f"i{n}", n) for n in range(5)])
        while state.maintain(100).more:
            pass
        assert len(items(state, "u")) == len(state) == 5
