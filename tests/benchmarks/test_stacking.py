"""Fusion over a whole catalogue: whose items are candidates, in which order, with which columns."""

import numpy as np
import pytest

from benchmarks.full_ranking import Task
from benchmarks.stacking import Stack, table_of
from search_rerank.data.history import History
from search_rerank.data.sequences import catalogue_of, events_of
from search_rerank.errors import DataError
from search_rerank.fusion.lambdamart import TreeOptions
from search_rerank.scorers import create
from search_rerank.scorers.base import Scorer

N = 30
ITEMS = np.arange(N, dtype=np.int32)


class Fixed:
    """Likes item n best, n + 1 less, and so on around, whatever was seen; or by the last seen."""

    def __init__(self, first: int | None) -> None:
        self.first = first

    def score(self, history: History, items: np.ndarray) -> np.ndarray:
        first = int(history.items[-1]) + 1 if self.first is None else self.first
        return (N - (items - first) % N).astype(np.float32)


def stack(**scorers: Scorer) -> Stack:
    return Stack(scorers, [name for name in scorers if name != "shown"], 3, ["right"])


def numbers(*items: int) -> np.ndarray:
    return np.array(items, dtype=np.int32)


def world(histories: list[np.ndarray], targets: list[np.ndarray]) -> Task:
    catalogue = catalogue_of([f"i{n}" for n in range(N)])
    return Task(events_of({"u": ["i0"]}, catalogue.ids), catalogue, histories, targets)


def test_candidates_stand_by_their_best_place_and_never_twice() -> None:
    two = stack(right=Fixed(5), wrong=Fixed(6))
    found, scores, lists = next(two.retrieved([numbers(7)], N))
    assert {name: one.tolist() for name, one in lists.items()} == {
        "right": [5, 6, 8],
        "wrong": [6, 8, 9],
    }
    assert found.tolist() == [5, 6, 8, 9]
    np.testing.assert_array_equal(scores["wrong"], Fixed(6).score(History.of([7]), found))


def test_columns_of_short_histories_and_of_those_who_do_not_retrieve() -> None:
    one = stack(right=Fixed(None), shown=Fixed(3))
    seen = numbers(9, 4)
    found, scores, _ = next(one.retrieved([seen], N))
    columns = one.columns(seen, found, scores)
    assert list(columns) == [
        "score.right",
        "score.shown",
        "score.right_last_1",
        "score.right_last_2",
        "score.right_place",
        "user.interactions",
        "query.engine_rank",
    ]
    np.testing.assert_array_equal(columns["score.right_last_1"], columns["score.right"])
    assert columns["score.right_place"].tolist() == [1.0, 0.5, 0.0]
    assert columns["user.interactions"].tolist() == [2, 2, 2]


def test_products_of_many_shoppers_are_the_scores_of_each() -> None:
    histories = {f"u{n}": [f"i{(n + step) % 20}" for step in range(4)] for n in range(70)}
    catalogue = catalogue_of([f"i{n}" for n in range(N)])
    als = create("als", {"dim": 8}).fit(events_of(histories, catalogue.ids), catalogue, now_ms=9999)
    shoppers = [numbers(n % 20, (n + 1) % 20) for n in range(70)]
    retrieved = Stack({"als": als}, ["als"], N, []).retrieved(shoppers, N)
    for seen, (found, scores, lists) in zip(shoppers, retrieved, strict=True):
        each = als.score(History.of(seen), ITEMS)
        np.testing.assert_allclose(scores["als"], each[found], rtol=1e-4, atol=1e-6)
        assert lists["als"].max() < 20, "what nobody had is never listed"


def test_a_table_has_a_group_a_shopper() -> None:
    table = table_of([{"x": np.ones(2, np.float32)}, {"x": np.zeros(3, np.float32)}])
    assert table.sizes.tolist() == [2, 3]
    assert table.engine_rank.tolist() == [0, 1, 0, 1, 2]
    assert table.X[:, 0].tolist() == [1, 1, 0, 0, 0]


def test_what_is_learnt_follows_the_scorer_that_knows() -> None:
    histories = [numbers(n % N) for n in range(120)]
    task = world(histories, [numbers((n + 1) % N) for n in range(120)])
    two = stack(right=Fixed(None), wrong=Fixed(20))
    fusions = two.learn(task, TreeOptions(trees=30, min_rows=5, threads=1))
    lists = two.lists(task, fusions, 2)
    assert list(lists) == ["right", "wrong", "vote", "weighted", "lambdamart"]
    for name in ("right", "weighted", "lambdamart"):
        first = [int(found[0]) for found in lists[name]]
        assert first == [int(targets[0]) for targets in task.targets], name
    assert all(len(found) == 2 for found in lists["vote"])


def test_nobody_to_learn_from_is_refused() -> None:
    task = world([numbers(0)], [numbers(0)])
    with pytest.raises(DataError, match=r"one of the 3 best of a scorer next, found none among 1"):
        stack(right=Fixed(None)).learn(task, TreeOptions())
