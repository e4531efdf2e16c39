"""What a state counts: against plain dictionaries, taken back, and in a snapshot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.state.askers import short
from search_rerank.state.hashed import Hashed
from search_rerank.state.queries import Row
from search_rerank.state.tally import Tally
from tests.state.plain import (
    GAINS,
    ITEMS,
    NOW_MS,
    ROWS,
    item_sums,
    past_queries,
    query_sums,
    similar_sums,
)

pytestmark = pytest.mark.slow

ASKED = ["q", "RED shoe", "red shoes", "", "#!", "nothing like it"]
PAGES = st.lists(
    st.tuples(st.lists(st.sampled_from("abcde"), min_size=1), st.integers(0, NOW_MS)), max_size=9
)


def alike(one: Tally, other: Tally, taken: Tally | None = None) -> None:
    """See that two say the same of everything, but for the times of items.

    What is left of something counts as nothing below 1e-9 of what was `taken` back from it.
    """
    asked = [
        lambda tally: tally.item_counts(ITEMS, NOW_MS).decayed,
        lambda tally: tally.item_counts(ITEMS, NOW_MS).shown,
    ]
    for query in ASKED:
        asked.append(lambda tally, query=query: tally.query_counts(query, ITEMS, NOW_MS))
        asked.append(lambda tally, query=query: tally.similar_counts(query, ITEMS, NOW_MS))
    for of in asked:
        ours, theirs = of(one).astype(np.float64), of(other).astype(np.float64)
        nothing = 0.0 if taken is None else 1.001e-9 * of(taken)
        assert (np.abs(ours - theirs) <= 1e-5 * np.abs(theirs) + nothing).all()
    assert one.past_queries("", 99) == other.past_queries("", 99)


@settings(deadline=None)
@given(ROWS, st.integers(1, 40))
def test_it_says_what_plain_dictionaries_say(rows: list[Row], at_once: int) -> None:
    tally = Tally(GAINS)
    for begin in range(0, len(rows), at_once):
        tally.add(rows[begin : begin + at_once])
    np.testing.assert_allclose(
        tally.item_counts(ITEMS, NOW_MS).decayed, item_sums(rows), rtol=1e-5, atol=1e-30
    )
    assert tally.past_queries("", 99) == past_queries(rows)
    for query in ASKED:
        own = query_sums(rows)[" ".join(query.casefold().split())]
        np.testing.assert_allclose(
            tally.query_counts(query, ITEMS, NOW_MS), own, rtol=1e-5, atol=1e-30
        )
        np.testing.assert_allclose(
            tally.similar_counts(query, ITEMS, NOW_MS),
            similar_sums(rows, query),
            rtol=1e-5,
            atol=1e-30,
        )


@settings(deadline=None)
@given(ROWS, PAGES, PAGES)
def test_what_is_taken_back_was_never_added(
    rows: list[Row], pages: list[tuple[list[str], int]], kept: list[tuple[list[str], int]]
) -> None:
    """Shopper u's sessions are theirs alone, as those are that a state gives back."""
    rows = [(*row[:4], "u", "mine") if row[4] == "u" else row for row in rows]
    own = [row for row in rows if row[4] == "u"]
    others = [row for row in rows if row[4] != "u"]
    tally, never, taken = Tally(GAINS), Tally(GAINS), Tally(GAINS)
    tally.add(rows)
    tally.show([*pages, *kept])
    tally.take_back(own, pages)
    taken.add(own)
    taken.show(pages)
    never.add(others)
    never.show(kept)
    alike(tally, never, taken)
    tally.add(own)
    tally.show(pages)
    never.add(own)
    never.show(pages)
    alike(tally, never, taken)


def test_a_query_that_only_one_shopper_asked_is_forgotten_with_them() -> None:
    tally = Tally(GAINS)
    secret: Row = ("a", "click", 0, "my secret", "u", "s")
    tally.add([secret, ("a", "click", 0, "known", "v", None), ("a", "click", 0, "known", "u", "s")])
    tally.take_back([secret])
    held = b"".join(array.tobytes() for array in tally.arrays().values())
    assert b"my secret" not in held
    assert b"ecr" not in held
    assert b"known" in held


def test_a_query_is_suggested_as_long_as_two_shoppers_are_known() -> None:
    tally = Tally(GAINS)
    of = {who: [("a", "click", 0, "hat", who, None)] for who in "uvw"}
    tally.add([row for rows in of.values() for row in rows])
    tally.take_back(of["u"])
    assert tally.past_queries("h", 9) == [("hat", 2)]
    tally.take_back(of["w"])
    assert tally.past_queries("h", 9) == []
    tally.add(of["w"])
    assert tally.past_queries("h", 9) == [("hat", 2)]


def test_a_shopper_may_be_named_by_a_hash() -> None:
    hashed = Hashed()
    tally = Tally(GAINS, hashed)
    row: Row = ("a", "click", 0, "hat", "u", "s")
    tally.add([row, ("a", "click", 0, "hat", "v", None)])
    user, session = short(hashed("user", "u")), short(hashed("session", "s"))
    restored = Tally.from_arrays(GAINS, tally.arrays())
    for one in (tally, restored):
        one.add([(*row[:4], user, session)])
        assert one.past_queries("h", 9) == [("hat", 3)]
        one.take_back([(*row[:4], user, session)] * 2)
        assert one.past_queries("h", 9) == []
        assert one.query_counts("hat", ["a"], 0)[0, 0] == 1


def test_what_is_taken_back_of_nobody_leaves_no_query_that_is_used_no_more() -> None:
    tally = Tally(GAINS)
    tally.add([("a", "click", 0, "my secret", "u", None)])
    tally.take_back([("a", "click", 0, "my secret", None, None)])
    assert not any(b"secret" in array.tobytes() for array in tally.arrays().values())


def test_taking_back_what_was_dropped_or_never_there_is_nothing() -> None:
    tally = Tally(GAINS)
    tally.add([("a", "click", 0, "q", "v", None)])
    tally.take_back([("b", "click", 0, "q", "u", None), ("c", "cart", 5, "other", "u", None)])
    assert tally.query_counts("q", ["a", "b"], 0)[:, 0].tolist() == [1, 0]
    assert tally.item_counts(["a", "b", "c"], 0).decayed[:, 0].tolist() == [1, 0, 0]


def test_an_item_that_is_asked_for_twice_has_its_counts_twice() -> None:
    tally = Tally(GAINS)
    tally.add([("a", "click", 0, "q", "u", None), ("b", "cart", 0, "q", "u", None)])
    asked = ["b", "x", "a", "b", "x"]
    assert tally.query_counts("q", asked, 0)[:, 0].tolist() == [2, 0, 1, 2, 0]
    assert tally.similar_counts("q", asked, 0)[:, 0, 0].tolist() == [2, 0, 1, 2, 0]
    assert tally.item_counts(asked, 0).decayed[:, 0].tolist() == [2, 0, 1, 2, 0]


@settings(deadline=None)
@given(ROWS, ROWS, PAGES)
def test_what_is_counted_after_a_snapshot_is_as_if_there_had_been_none(
    before: list[Row], after: list[Row], pages: list[tuple[list[str], int]]
) -> None:
    whole = Tally(GAINS)
    whole.add(before)
    whole.show(pages)
    whole.take_back(before[::3])
    restored = Tally.from_arrays(GAINS, whole.arrays())
    alike(restored, whole)
    for tally in (whole, restored):
        tally.add(after)
        tally.show(pages)
    alike(restored, whole)
    ours, theirs = (one.item_counts(ITEMS, NOW_MS) for one in (restored, whole))
    assert ours.first_ms.tolist() == theirs.first_ms.tolist()
    assert ours.last_ms.tolist() == theirs.last_ms.tolist()
