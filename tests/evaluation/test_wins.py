import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item
from search_rerank.evaluation.wins import Placed, side_by_side, wins_and_losses
from search_rerank.occasions import Occasion
from search_rerank.query import Query

A = np.array([0.5, 0.9, 0.2, 0.7, 0.1, 0.4])
B = np.array([0.5, 0.1, 0.4, 0.2, 0.7, 0.35])


def test_the_clearest_come_first() -> None:
    found = wins_and_losses(A, B)
    assert (found.wins, found.losses, found.ties) == (3, 2, 1)
    assert found.most_won.tolist() == [1, 3, 5]
    assert found.most_lost.tolist() == [4, 2]
    back = wins_and_losses(B, A)
    assert (back.most_won.tolist(), back.most_lost.tolist()) == ([4, 2], [1, 3, 5])


def test_small_differences_are_ties_and_only_n_are_named() -> None:
    found = wins_and_losses(A, B, threshold=0.06, n=1)
    assert (found.wins, found.losses, found.ties) == (2, 2, 2)
    assert (found.most_won.tolist(), found.most_lost.tolist()) == ([1], [4])


def test_equal_differences_keep_the_order_of_the_queries() -> None:
    assert wins_and_losses(np.ones(4), np.zeros(4)).most_won.tolist() == [0, 1, 2, 3]
    assert wins_and_losses(np.zeros(4), np.ones(4)).most_lost.tolist() == [0, 1, 2, 3]


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="found 6 and 2"):
        wins_and_losses(A, B[:2])
    with pytest.raises(ValueError, match="expected a threshold of 0 or more, found -1"):
        wins_and_losses(A, B, threshold=-1)
    with pytest.raises(ValueError, match="expected finite values, found NaN"):
        wins_and_losses(A, B * np.nan)


def test_lists_side_by_side() -> None:
    catalogue = Catalogue.from_items([Item(id=id_, title=id_) for id_ in ("boot", "lamp", "mug")])
    occasions = [
        Occasion(Query(text="light", user="ann", now_ms=5), {"lamp": 3.0, "boot": 1.0, "mug": 2.0}),
        Occasion(Query(text="", session="s", now_ms=6), {"gone": 1.0}),
    ]
    a, b = np.array([1.0, 0.0]), np.array([0.5, 0.25])
    lists_a, lists_b = np.array([[1, 0], [-1, -1]]), np.array([[0, 1], [2, -1]])
    second, first = side_by_side(np.array([1, 0]), a, b, lists_a, lists_b, occasions, catalogue)
    assert (first.query, first.text, first.shopper, first.time_ms) == (0, "light", "ann", 5)
    assert (first.a, first.b) == (1.0, 0.5)
    assert first.first_a == [Placed("lamp", 3.0), Placed("boot", 1.0)]
    assert first.first_b == [Placed("boot", 1.0), Placed("lamp", 3.0)]
    assert first.missed == [Placed("mug", 2.0)]
    assert (second.query, second.shopper, second.b) == (1, "s", 0.25)
    assert (second.first_a, second.first_b) == ([], [Placed("mug", 0.0)])
    assert second.missed == [Placed("gone", 1.0)]
