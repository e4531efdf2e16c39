from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.errors import DataError
from search_rerank.experiments.interleaving import agreement, team_draft, team_drafts
from search_rerank.experiments.policies import places
from search_rerank.experiments.preference import prefer

lists = st.lists(st.integers(0, 12), unique=True, max_size=9)


@given(lists, lists, st.integers(0, 2**64 - 1))
def test_a_draft_holds_all_items_once_by_turns(a: list[int], b: list[int], seed: int) -> None:
    made = team_draft(a, b, seed)
    assert sorted(made.items) == sorted({*a, *b})
    assert len(made.teams) == len(made.items)
    for own, team in ((a, "a"), (b, "b")):
        chosen = [item for item, of in zip(made.items, made.teams, strict=True) if of == team]
        assert chosen == [item for item in own if item in chosen]  # in its own order
    chosen_by = [team for team in made.teams if team is not None]
    for turn in range(0, len(chosen_by) - 1, 2):
        assert set(chosen_by[turn : turn + 2]) == {"a", "b"}
    assert made == team_draft(a, b, seed)


@given(lists, lists, st.integers(0, 1000))
def test_a_chosen_item_is_its_teams_best_that_was_left(
    a: list[int], b: list[int], seed: int
) -> None:
    made = team_draft(a, b, seed)
    for n, (item, team) in enumerate(zip(made.items, made.teams, strict=True)):
        if team is not None:
            own = a if team == "a" else b
            assert item == next(one for one in own if one not in made.items[:n])


def test_one_coin_parts_two_items() -> None:
    made = Counter(team_draft("xy", "yx", seed).items for seed in range(2000))
    assert set(made) == {("x", "y"), ("y", "x")}
    assert made["x", "y"] == pytest.approx(1000, abs=4 * np.sqrt(500))


def test_what_both_agree_on_has_no_team() -> None:
    made = team_draft("xyab", "xyba", 0)
    assert made.items[:2] == ("x", "y") and made.teams[:2] == (None, None)
    assert set(made.teams[2:]) == {"a", "b"}
    assert team_draft("xy", "xy", 0).teams == (None, None)
    assert (agreement("xyab", "xyba"), agreement("", "x"), agreement("xy", "xyz")) == (2, 0, 2)


def test_a_longer_list_goes_on_without_a_rival() -> None:
    made = team_draft("x", "yzw", 0)
    assert set(made.items[:2]) == {"x", "y"} and made.items[2:] == ("z", "w")
    assert made.teams[2:] == (None, None)


def test_many_drafts_are_drafts() -> None:
    rng = np.random.default_rng(0)
    r, n = 4000, 5
    a = np.broadcast_to(np.arange(n), (r, n))
    b = np.broadcast_to(np.array([0, 3, 1, 4, 2]), (r, n))  # items 0 2 4 1 3 in this order
    place, team = team_drafts(a, b, rng)
    assert (np.sort(place, axis=1) == np.arange(n)).all()
    rows = zip(np.argsort(place, axis=1).tolist(), team.tolist(), strict=True)
    found = Counter((tuple(row), tuple(of)) for row, of in rows)
    single: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for seed in range(r):
        made = team_draft(range(n), (0, 2, 4, 1, 3), seed)
        of = {"a": 1, "b": -1, None: 0}
        by_item = dict(zip(made.items, made.teams, strict=True))
        single[made.items, tuple(of[by_item[item]] for item in range(n))] += 1
    assert set(found) == set(single)
    for one, times in single.items():
        assert found[one] == pytest.approx(times, abs=6 * np.sqrt(times))


def test_orders_that_are_alike_have_no_teams() -> None:
    a = places(np.random.default_rng(0).random((3, 6)))
    place, team = team_drafts(a, a, np.random.default_rng(1))
    assert (place == a).all() and not team.any()


def test_a_worse_ranker_is_found_and_two_alike_are_not() -> None:
    rng = np.random.default_rng(0)
    worth = rng.random((3000, 6))
    look = 1 / np.arange(1, 7)

    def credit(noise: float) -> np.ndarray:
        a = places(worth + rng.normal(0, 0.2, worth.shape))
        b = places(worth + rng.normal(0, noise, worth.shape))
        place, team = team_drafts(a, b, rng)
        clicks = rng.random(worth.shape) < look[place] * worth
        return (team * clicks).sum(axis=1)

    shoppers = np.arange(3000) // 3
    better = prefer(credit(0.6), shoppers)
    assert better.margin.low > 0 and better.p < 1e-6 and better.p_sign < 1e-6
    assert better.wins_a > better.wins_b and better.wins_a + better.wins_b + better.ties == 1000
    false = sum(prefer(credit(0.2)[:600], shoppers[:600]).p < 0.05 for _ in range(60))
    assert false <= 9  # 3 expected, standard deviation 1.7


def test_the_formulas_on_three_shoppers() -> None:
    found = prefer(np.array([1.0, 1.0, -1.0, 0.0, 2.0]), np.array(["x", "x", "y", "z", "x"]))
    assert (found.wins_a, found.wins_b, found.ties) == (1, 1, 1)
    assert found.margin.value == pytest.approx(3 / 5)
    influence = np.array([4 - 3 * 0.6, -1 - 0.6, 0 - 0.6]) / 5
    assert found.margin.error == pytest.approx(np.sqrt(3 / 2 * (influence**2).sum()))
    assert found.p_sign == 1.0
    nothing = prefer(np.zeros(4), np.arange(4))
    assert (nothing.p, nothing.p_sign, nothing.ties) == (1.0, 1.0, 4)


def test_wrong_credit_is_refused() -> None:
    with pytest.raises(DataError, match="expected a shopper for each ranking, found 1 and 2"):
        prefer(np.zeros(2), np.zeros(1))
    with pytest.raises(DataError, match="expected at least 2 shoppers, found 1"):
        prefer(np.zeros(2), np.zeros(2))
