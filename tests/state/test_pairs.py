"""Pairs of a query and an item, of which the weakest go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.state.pairs import QueryItems

DAY_MS = 86_400_000
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 300)), max_size=60)


def add(pairs: QueryItems, told: list[tuple[int, int, int]]) -> None:
    query, item, day = np.array(told, dtype=np.int64).reshape(-1, 3).T
    pairs.add(query, item, np.ones(len(told)), day * DAY_MS)


def held(pairs: QueryItems, queries: int = 7) -> dict[tuple[int, int], float]:
    """Return (query, item) to its sum on day 300 under the longest half-life."""
    if not len(pairs):
        return {}
    query = np.repeat(np.arange(queries), pairs.sizes(np.arange(queries)))
    place = pairs.places(np.arange(queries))
    sums = pairs.at(place, 300 * DAY_MS)[:, -1]
    named = zip(query.tolist(), pairs.items(place).tolist(), strict=True)
    return dict(zip(named, sums.tolist(), strict=True))


@settings(deadline=None)
@given(PAIRS, st.integers(1, 60))
def test_pairs_are_those_of_a_dictionary(told: list[tuple[int, int, int]], at_once: int) -> None:
    pairs = QueryItems(1000)
    expected: dict[tuple[int, int], float] = {}
    for query, item, day in told:
        key = query, item
        expected[key] = expected.get(key, 0) + 2.0 ** (-(300 - day) / 180)
    for begin in range(0, len(told), at_once):
        add(pairs, told[begin : begin + at_once])
    assert len(pairs) == len(expected)
    assert held(pairs) == pytest.approx(expected)


@settings(deadline=None)
@given(PAIRS, st.integers(1, 20))
def test_the_weakest_go_as_if_pairs_were_given_one_by_one(
    told: list[tuple[int, int, int]], limit: int
) -> None:
    at_once, single = QueryItems(limit), QueryItems(limit)
    add(at_once, told)
    for one in told:
        add(single, [one])
    assert len(single) <= limit * 1.25
    assert held(at_once) == pytest.approx(held(single))


def test_what_is_kept_is_the_strongest() -> None:
    pairs = QueryItems(4)
    add(pairs, [(0, item, 10) for item in (1, 2, 3)] * 2 + [(1, 7, 300), (0, 4, 10), (2, 5, 11)])
    assert set(held(pairs)) == {(0, 1), (0, 2), (0, 3), (1, 7)}


@given(PAIRS, st.permutations(range(7)), st.integers(0, 7))
def test_queries_are_numbered_anew(
    told: list[tuple[int, int, int]], order: list[int], n: int
) -> None:
    pairs = QueryItems(1000)
    add(pairs, told)
    before = held(pairs)
    kept = order[:n]
    pairs.renumber(np.array(kept, dtype=np.int64))
    expected = {
        (kept.index(query), item): value for (query, item), value in before.items() if query in kept
    }
    assert held(pairs, n) == pytest.approx(expected)
    assert len(pairs) == len(expected)


def test_places_that_were_left_are_used_again() -> None:
    """One query after another grows: stretches move, and the pool stays near what is in it."""
    pairs = QueryItems(1_000_000)
    rng = np.random.default_rng(0)
    for _ in range(200):
        add(pairs, [(int(q), int(i), 0) for q, i in rng.integers(0, (50, 2000), (300, 2))])
    assert len(pairs) > 40_000
    assert len(pairs._item) < 3 * len(pairs)
