"""What every implementation of `State` must do of the queries that a shopper asked themselves."""

from __future__ import annotations

from search_rerank.state.base import State
from tests.state.contract import did


class OwnQueriesContract:
    """Inherit, and give a fixture `state` that returns an empty one with `GAINS`."""

    def test_own_queries_are_the_newest_first_each_once(self, state: State) -> None:
        state.append(
            [
                did("1", time_ms=1, query="Red  Shoes"),
                did("2", time_ms=2, query="hats"),
                did("3", time_ms=3, query="red shoes"),
                did("4", time_ms=4),
                did("5", time_ms=5, query="  "),
                did("6", time_ms=6, user="other", query="boots"),
            ]
        )
        assert list(state.own_queries("u", None, 50)) == ["red shoes", "hats"]
        assert list(state.own_queries("nobody", None, 50)) == []
        assert list(state.own_queries(None, None, 50)) == []

    def test_own_queries_are_of_the_newest_interactions(self, state: State) -> None:
        state.append([did(str(n), time_ms=n, query=f"q{n}") for n in (2, 0, 3, 1)])
        assert list(state.own_queries("u", None, 2)) == ["q3", "q2"]
        assert list(state.own_queries("u", None, 0)) == []

    def test_own_queries_are_those_of_who_did_it(self, state: State) -> None:
        state.append(
            [
                did("1", time_ms=1, user="u", session="s0", query="theirs"),
                did("2", time_ms=2, user=None, session="s1", query="visit"),
                did("3", time_ms=3, user="v", session="s2", query="other"),
            ]
        )
        assert list(state.own_queries("u", "s1", 50)) == ["visit", "theirs"]
        assert list(state.own_queries(None, "s1", 50)) == ["visit"]
        assert list(state.own_queries("u", "s2", 50)) == ["theirs"]
        state.append([did("4", time_ms=4, user="w", session="s1", query="late")])
        assert list(state.own_queries("w", None, 50)) == ["late", "visit"]
        assert list(state.own_queries("u", "s1", 50)) == ["theirs"]

    def test_forgotten_queries_are_gone(self, state: State) -> None:
        state.append([did("1", time_ms=1, query="secret")])
        state.forget("u", 2)
        assert list(state.own_queries("u", None, 50)) == []
