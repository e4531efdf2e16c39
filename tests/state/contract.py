"""What every implementation of `State` must do, whatever it is kept in."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.events import Events
from search_rerank.data.ids import IdMap
from search_rerank.state.base import (
    HALF_LIVES_DAYS,
    QUERY_HALF_LIVES_DAYS,
    SHARPNESS,
    State,
)

DAY_MS = 86_400_000
GAINS = {"click": 1.0, "cart": 2.0, "purchase": 3.0}


def did(
    id: str,
    item: str = "a",
    time_ms: int = 0,
    user: str | None = "u",
    session: str | None = None,
    type: str = "click",
    query: str | None = None,
) -> Interaction:
    return Interaction(
        id=id, item=item, time_ms=time_ms, user=user, session=session, type=type, query=query
    )


def page(
    id: str,
    *items: str,
    time_ms: int = 0,
    user: str | None = "u",
    session: str | None = None,
) -> Ranking:
    return Ranking(id=id, items=items, time_ms=time_ms, user=user, session=session)


class StateContract:
    """Inherit, and give a fixture `state` that returns an empty one with `GAINS`."""

    def items(self, state: State, user: str | None, session: str | None, n: int = 50) -> list[str]:
        return [past.item for past in state.history(user, session, n)]

    def test_nothing_happened(self, state: State) -> None:
        state.check_writable()
        assert state.mark() == 0
        assert list(state.history("u", "s", 5)) == []
        assert list(state.history(None, None, 5)) == []
        assert list(state.shoppers(5)) == []
        counts = state.item_counts(["a", "b"], 0)
        assert counts.decayed.tolist() == [[0.0] * len(HALF_LIVES_DAYS)] * 2
        assert counts.first_ms.tolist() == counts.last_ms.tolist() == [-1, -1]
        assert counts.shown.tolist() == counts.decayed.tolist()
        assert list(state.shown("u", "s", 5)) == []
        assert not state.similar_counts("q", ["a", "b"], 0).any()
        shape = (0, len(SHARPNESS), len(QUERY_HALF_LIVES_DAYS))
        assert state.similar_counts("q", [], 0).shape == shape
        assert state.show([]) == 0
        assert not state.query_counts("q", ["a", "b"], 0).any()
        assert list(state.past_queries("", 5)) == []
        assert state.append([]) == 0

    def test_an_event_counts_once_by_its_id(self, state: State) -> None:
        assert state.append([did("1"), did("2", "b")]) == 2
        assert state.append([did("2", "b"), did("3", "c"), did("3", "c")]) == 1
        assert self.items(state, "u", None) == ["a", "b", "c"]
        assert state.item_counts(["b", "c"], 0).decayed[:, 0].tolist() == [1.0, 1.0]

    def test_the_first_of_two_events_with_one_id_stands(self, state: State) -> None:
        state.append([did("1", "a")])
        state.append([did("1", "b", user="other")])
        assert self.items(state, "u", None) == ["a"]
        assert self.items(state, "other", None) == []

    def test_a_log_that_moved_on_adds_what_is_new(self, state: State) -> None:
        """The next training has a later log: its first row is not the first of the one before."""
        log = [did(id_, id_, n) for n, id_ in enumerate("abcde")]
        items = IdMap("abcde")
        assert state.append(Events.from_events(log[:3], items).log) == 3
        assert state.append(Events.from_events(log[2:], items).log) == 2
        assert self.items(state, "u", None) == list("abcde")

    def test_the_newest_none_are_none(self, state: State) -> None:
        state.append([did("1"), did("2", user=None, session="s")])
        assert self.items(state, "u", "s", 0) == []

    def test_order_is_of_time_not_of_appending(self, state: State) -> None:
        state.append([did("1", "c", 30), did("2", "a", 10)])
        state.append([did("3", "b", 20)])
        assert self.items(state, "u", None) == ["a", "b", "c"]

    def test_equal_times_keep_the_order_of_appending(self, state: State) -> None:
        state.append([did(str(n), item, 5) for n, item in enumerate("abc")])
        assert self.items(state, "u", None) == ["a", "b", "c"]
        assert self.items(state, "u", None, n=2) == ["b", "c"]

    @pytest.mark.parametrize("n", [1, 2, 5, 9])
    def test_history_is_the_newest_n_oldest_first(self, state: State, n: int) -> None:
        state.append([did(str(t), f"i{t}", t) for t in (3, 0, 4, 1, 2)])
        assert self.items(state, "u", None, n) == ["i0", "i1", "i2", "i3", "i4"][-n:]

    def test_what_is_told_of_an_interaction(self, state: State) -> None:
        state.append([did("1", "a", 7, session="s", type="cart")])
        (past,) = state.history("u", None, 5)
        assert (past.item, past.type, past.time_ms, past.session) == ("a", "cart", 7, "s")

    def test_a_user_has_theirs_and_the_visits_that_are_no_users(self, state: State) -> None:
        state.append(
            [
                did("1", "theirs", 1, user="u", session="s0"),
                did("2", "before-login", 2, user=None, session="s1"),
                did("3", "other-user", 3, user="v", session="s1"),
                did("4", "after-login", 4, user="u", session="s1"),
                did("5", "other-visit", 5, user=None, session="s2"),
                did("6", "log-out", 6, user=None, session="s1"),
            ]
        )
        assert self.items(state, "u", "s1") == ["theirs", "after-login", "log-out"]
        assert self.items(state, "u", "s1", n=2) == ["after-login", "log-out"]
        assert self.items(state, "u", None) == ["theirs", "after-login"]
        assert self.items(state, None, "s1") == ["log-out"]

    def test_counts_fade_by_their_half_lives(self, state: State) -> None:
        state.append([did("1", "a", 0, type="purchase"), did("2", "a", DAY_MS, type="cart")])
        counts = state.item_counts(["b", "a"], 2 * DAY_MS)
        expected = [3 * 2 ** (-2 / h) + 2 * 2 ** (-1 / h) for h in HALF_LIVES_DAYS]
        assert counts.decayed[1] == pytest.approx(expected, rel=1e-5)
        assert counts.decayed[0].tolist() == [0.0] * len(HALF_LIVES_DAYS)
        assert counts.first_ms.tolist() == [-1, 0]
        assert counts.last_ms.tolist() == [-1, DAY_MS]

    def test_a_type_without_gain_is_remembered_and_counts_nothing(self, state: State) -> None:
        state.append([did("1", "a", 5, type="stare")])
        assert self.items(state, "u", None) == ["a"]
        assert state.item_counts(["a"], 5).decayed.tolist() == [[0.0] * len(HALF_LIVES_DAYS)]
        assert state.item_counts(["a"], 5).first_ms.tolist() == [5]

    def test_what_was_shown_counts_once_and_fades(self, state: State) -> None:
        assert state.show([page("1", "a", "b"), page("2", "b", time_ms=DAY_MS)]) == 2
        assert state.show([page("2", "b"), page("3", "b", time_ms=DAY_MS)]) == 1
        counts = state.item_counts(["b", "c", "a"], 2 * DAY_MS)
        old, new = (np.array([2 ** (-age / h) for h in HALF_LIVES_DAYS]) for age in (2, 1))
        np.testing.assert_allclose(counts.shown, [old + 2 * new, 0 * old, old], rtol=1e-5)
        assert not counts.decayed.any()
        assert counts.first_ms.tolist() == [-1, -1, -1]

    def test_shown_is_the_newest_n_oldest_first(self, state: State) -> None:
        state.show([page(str(n), f"i{n}", "x", time_ms=n, session="s") for n in (2, 0, 1)])
        found = state.shown("u", None, 2)
        assert [(list(one.items), one.time_ms, one.session) for one in found] == [
            (["i1", "x"], 1, "s"),
            (["i2", "x"], 2, "s"),
        ]
        assert list(state.shown("u", None, 0)) == []

    def test_a_user_was_shown_theirs_and_what_no_user_was(self, state: State) -> None:
        state.show(
            [
                page("1", "theirs", time_ms=1, user="u", session="s0"),
                page("2", "before-login", time_ms=2, user=None, session="s1"),
                page("3", "other-user", time_ms=3, user="v", session="s1"),
                page("4", "after-login", time_ms=4, user="u", session="s1"),
                page("5", "log-out", time_ms=5, user=None, session="s1"),
            ]
        )

        def shown(user: str | None, session: str | None, n: int = 9) -> list[str]:
            return [one.items[0] for one in state.shown(user, session, n)]

        assert shown("u", "s1") == ["theirs", "after-login", "log-out"]
        assert shown("u", "s1", 2) == ["after-login", "log-out"]
        assert shown("v", None) == ["before-login", "other-user"]
        assert shown(None, "s1") == ["log-out"]
        assert shown(None, None) == []

    def test_pages_and_interactions_do_not_mix(self, state: State) -> None:
        """Both may have the same id, and each is told in turn."""
        for n in range(3):
            assert state.append([did(str(n), "a")]) == 1
            assert state.show([page(str(n), "a", "b")]) == 1
            counts = state.item_counts(["a", "b"], 0)
            assert counts.decayed[:, 0].tolist() == [n + 1, 0]
            assert counts.shown[:, 0].tolist() == [n + 1, n + 1]
            assert len(state.history("u", None, 9)) == len(state.shown("u", None, 9)) == n + 1

    def test_queries_like_it_vote_by_their_similarity(self, state: State) -> None:
        asked = {
            "a": "assassins creed",
            "b": "assasins creed",
            "c": "halo 3",
            "d": "Assassins  Creed",
        }
        state.append([did(item, item, query=query) for item, query in asked.items()])
        votes = state.similar_counts("assassins creed", [*"abcd", "e"], 30 * DAY_MS)
        left = np.array([2 ** (-30 / h) for h in QUERY_HALF_LIVES_DAYS])
        np.testing.assert_allclose(votes[0], [left, left], rtol=1e-5)
        np.testing.assert_allclose(votes[3], votes[0])
        assert not votes[[2, 4]].any()
        near, wide = votes[1, :, 0] / left[0]
        assert 0 < near < wide < 1
        assert near == pytest.approx(wide ** (SHARPNESS[0] / SHARPNESS[1]), rel=1e-5)

    def test_votes_follow_what_is_appended(self, state: State) -> None:
        for n in range(1, 4):
            state.append([did(str(n), query="halo 3")])
            assert state.similar_counts("halo3", ["a"], 0)[0, 0, 0] == n

    def test_queries_are_counted_by_their_normal_form(self, state: State) -> None:
        state.append([did("1", "a", 0, query="Red  Shoe"), did("2", "b", 0, query="blue")])
        counts = state.query_counts(" red shoe ", ["b", "a"], 30 * DAY_MS)
        assert counts[0].tolist() == [0.0] * len(QUERY_HALF_LIVES_DAYS)
        assert counts[1] == pytest.approx([2 ** (-30 / h) for h in QUERY_HALF_LIVES_DAYS])

    @pytest.mark.parametrize("order", [1, -1])
    def test_counts_of_a_query_fade_in_any_order(self, state: State, order: int) -> None:
        told = [
            did("1", "a", 9 * DAY_MS, type="cart", query="q"),
            did("2", "a", 2 * DAY_MS, type="purchase", query="q"),
        ]
        for one in told[::order]:
            state.append([one])
        counts = state.query_counts("q", ["a"], 10 * DAY_MS)[0]
        expected = [2 * 2 ** (-1 / h) + 3 * 2 ** (-8 / h) for h in QUERY_HALF_LIVES_DAYS]
        assert counts == pytest.approx(expected, rel=1e-5)

    def test_a_query_that_two_shoppers_asked_is_past(self, state: State) -> None:
        asked = [("red shoe", "u"), ("Red  Shoe", "v"), ("red hat", "u"), ("red hat", "u")]
        state.append([did(str(n), user=who, query=text) for n, (text, who) in enumerate(asked)])
        assert [tuple(row) for row in state.past_queries("RED", 5)] == [("red shoe", 2)]
        state.append([did("9", user=None, session="s", query="red hat")])
        assert [tuple(row) for row in state.past_queries("re", 5)] == [
            ("red hat", 3),
            ("red shoe", 2),
        ]

    def test_past_queries_begin_with_what_was_typed(self, state: State) -> None:
        texts = ["red", "redder", "red shoe", "a red", "100%", "été"]
        state.append(
            [did(f"{text}{who}", user=who, query=text) for text in texts for who in ("u", "v")]
        )

        def past(prefix: str, n: int = 9) -> list[str]:
            return [query for query, _ in state.past_queries(prefix, n)]

        assert past("red") == ["red", "red shoe", "redder"]
        assert past("red", 2) == ["red", "red shoe"]
        assert past("red ") == ["red shoe"]
        assert (past("%"), past("100%"), past("ÉT")) == ([], ["100%"], ["été"])
        assert past("") == sorted(texts)
        assert list(state.past_queries("red", 0)) == []

    def test_a_visitor_who_logs_in_is_one_shopper(self, state: State) -> None:
        one = [
            did("1", user=None, session="s", query="secret"),
            did("2", user="u", session="s", query="secret"),
            did("3", user="u", session="t", query="secret"),
            did("4", user=None, session="t", query="secret"),
        ]
        state.append(one)
        assert list(state.past_queries("secret", 5)) == []
        state.append([did("5", user=None, session="other", query="secret")])
        assert [tuple(row) for row in state.past_queries("secret", 5)] == [("secret", 5)]

    def test_a_very_long_query_is_counted_and_not_suggested(self, state: State) -> None:
        long = "x" * 200
        state.append([did(who, user=who, query=long) for who in ("u", "v")])
        assert state.query_counts(long, ["a"], 0)[0, 0] == 2
        assert list(state.past_queries("x", 5)) == []

    def test_what_was_appended_after_a_read_is_in_the_next(self, state: State) -> None:
        for n in range(1, 4):
            state.append([did(str(n), query="q")])
            assert state.item_counts(["a"], 0).decayed[0, 0] == n
            assert state.query_counts("q", ["a"], 0)[0, 0] == n
            assert len(state.history("u", None, 50)) == n

    def test_shoppers_by_activity_then_name(self, state: State) -> None:
        state.append([did(str(n), user=user) for n, user in enumerate(["b", "c", "a", "c"])])
        state.append([did("9", user=None, session="visit")])
        assert [tuple(row) for row in state.shoppers(2)] == [("c", 2), ("a", 1)]

    def test_ids_are_only_ids(self, state: State) -> None:
        odd = ["' OR 1=1 --", "naïve 🛍", "a\x00b", "%", "x" * 500]
        state.append([did(f"{name}!", name, user=name) for name in odd])
        for name in odd:
            assert self.items(state, name, None) == [name]
        assert state.item_counts(odd, 0).decayed[:, 0].tolist() == [1.0] * len(odd)

    def test_times_at_both_ends(self, state: State) -> None:
        state.append([did("1", "old", 0), did("2", "new", 10**14 - 1)])
        assert self.items(state, "u", None) == ["old", "new"]
        assert np.isfinite(state.item_counts(["old", "new"], 0).decayed).all()
