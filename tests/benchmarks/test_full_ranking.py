"""Full ranking: which items are listed, and what recall, hit rate and nDCG make of them."""

import numpy as np
import pytest

from benchmarks.full_ranking import Task, best, lists_of, measure
from benchmarks.gowalla import held_out
from search_rerank.data.history import History
from search_rerank.data.sequences import catalogue_of, events_of

IDS = ["a", "b", "c", "d", "e", "f"]


def numbers(*items: int) -> np.ndarray:
    return np.array(items, dtype=np.int32)


def task(histories: list[np.ndarray], targets: list[np.ndarray]) -> Task:
    catalogue = catalogue_of(IDS)
    return Task(events_of({"u": ["a", "b"]}, catalogue.ids), catalogue, histories, targets)


def test_best_first_without_what_was_seen() -> None:
    scores = np.array([5, 1, 9, 3, 4, 2], dtype=np.float32)
    assert best(scores, numbers(2), 3).tolist() == [0, 4, 3]


def test_ties_go_to_the_lower_number_at_the_cut_too() -> None:
    scores = np.array([1, 2, 1, 2, 1, 1], dtype=np.float32)
    assert best(scores, numbers(), 4).tolist() == [1, 3, 0, 2]


def test_no_opinion_is_below_every_score_and_never_listed() -> None:
    scores = np.array([np.nan, -3, np.nan, -4, 0, np.nan], dtype=np.float32)
    assert best(scores, numbers(4), 5).tolist() == [1, 3]


def test_lists_of_fewer_items_than_asked_for() -> None:
    assert best(np.zeros(3, np.float32), numbers(1), 20).tolist() == [0, 2]


def test_measures_are_the_formulas() -> None:
    asked = task([numbers(0), numbers(0), numbers(0)], [numbers(1, 3, 5), numbers(4), numbers(2)])
    lists = [np.array([3, 2, 1]), np.array([1, 2, 3]), np.array([1, 2])]
    found = measure(lists, asked, 3)
    np.testing.assert_allclose(found["recall@3"], [2 / 3, 0, 1])
    np.testing.assert_allclose(found["HR@3"], [1, 0, 1])
    place = 1 / np.log2([2, 3, 4])
    wanted = [(place[0] + place[2]) / place.sum(), 0, place[1] / place[0]]
    np.testing.assert_allclose(found["nDCG@3"], wanted)


def test_more_targets_than_places_can_still_be_perfect() -> None:
    asked = task([numbers(0)], [numbers(1, 2, 3, 4)])
    found = measure([np.array([4, 1])], asked, 2)
    assert found["nDCG@2"].tolist() == [1.0]
    assert found["recall@2"].tolist() == [2 / 4]


def test_an_empty_list_counts_nothing() -> None:
    found = measure([np.zeros(0, np.intp)], task([numbers(0)], [numbers(1)]), 5)
    assert [values.tolist() for values in found.values()] == [[0.0], [0.0], [0.0]]


def test_the_cut_shortens_what_is_scored_and_nothing_else() -> None:
    def near(history: History, items: np.ndarray) -> np.ndarray:
        return -np.abs(items - history.items.mean()).astype(np.float32)

    asked = task([numbers(0, 5)], [numbers(1)])
    assert lists_of(near, asked, 6)[0].tolist() == [2, 3, 1, 4]
    # Item 0 is left out, too, although the scored history no longer has it.
    assert lists_of(near, asked, 6, last=1)[0].tolist() == [4, 3, 2, 1]


def test_spread_keeps_histories_beside_their_targets() -> None:
    asked = task([numbers(n) for n in range(6)], [numbers(n, n) for n in range(6)])
    some = asked.spread(3)
    assert [int(h[0]) for h in some.histories] == [int(t[0]) for t in some.targets] == [0, 2, 5]
    assert asked.spread(6) is asked


def test_a_fifth_of_each_shopper_is_held_out() -> None:
    histories = {f"u{n}": [f"{n}-{m}" for m in range(n)] for n in range(12)}
    kept, drawn = held_out(histories, np.random.default_rng(0))
    for user, items in histories.items():
        assert len(drawn[user]) == int(0.2 * len(items))
        assert sorted(kept[user] + drawn[user]) == sorted(items)
    again = held_out(histories, np.random.default_rng(0))
    assert again == (kept, drawn)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_holds_out_others(seed: int) -> None:
    histories = {"u": [str(n) for n in range(100)]}
    first = held_out(histories, np.random.default_rng(0))[1]
    assert held_out(histories, np.random.default_rng(seed))[1] != first
