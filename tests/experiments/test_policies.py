from itertools import permutations

import numpy as np
import pytest

from search_rerank.errors import DataError
from search_rerank.experiments.policies import PlackettLuce, Policy, Shuffled, looks, places

ABSENT = -np.inf
SCORES = np.array([[0.3, -1.0, 2.0, 0.9], [1.0, ABSENT, 0.0, ABSENT]])
POLICIES = [PlackettLuce(SCORES, 0.7), Shuffled(SCORES, 0.4), Shuffled(SCORES)]


@pytest.mark.parametrize("policy", POLICIES, ids=["plackett-luce", "shuffled", "fixed"])
class TestPolicy:
    def test_each_item_has_one_place_and_each_place_one_item(self, policy: Policy) -> None:
        chances = policy.chances()
        assert (chances >= 0).all()
        np.testing.assert_allclose(chances.sum(axis=1), 1, atol=1e-3)
        np.testing.assert_allclose(chances.sum(axis=2), 1, atol=1e-3)

    def test_lists_are_drawn_with_these_chances(self, policy: Policy) -> None:
        n = 40_000
        drawn = policy.draw(np.random.default_rng(0), np.repeat([0, 1], n)).reshape(2, n, 4)
        often = np.stack([(drawn == place).mean(axis=1) for place in range(4)], axis=2)
        np.testing.assert_allclose(often, policy.chances(), atol=5 / (2 * np.sqrt(n)))

    def test_absent_items_stand_last(self, policy: Policy) -> None:
        drawn = policy.draw(np.random.default_rng(0), np.ones(50, dtype=int))
        assert (drawn[:, [0, 2]] <= 1).all()
        np.testing.assert_array_equal(policy.chances()[1][[1, 3], :], [[0, 0, 1, 0], [0, 0, 0, 1]])


def test_plackett_luce_is_the_product_of_draws_without_replacement() -> None:
    weight = np.exp(SCORES[0] / 0.7)
    expected = np.zeros((4, 4))
    for order in permutations(range(4)):
        chance, left = 1.0, weight.sum()
        for item in order:
            chance *= weight[item] / left
            left -= weight[item]
        for place, item in enumerate(order):
            expected[item, place] += chance
    np.testing.assert_allclose(PlackettLuce(SCORES, 0.7).chances()[0], expected, atol=1e-4)


def test_shuffled_is_the_order_and_a_share_of_any() -> None:
    order = [2, 3, 0, 1]  # place of each item by score
    expected = 0.6 * np.eye(4)[order] + 0.4 / 4
    np.testing.assert_allclose(Shuffled(SCORES, 0.4).chances()[0], expected)


def test_looks_are_what_the_places_of_an_item_get() -> None:
    chances = np.array([[[0.5, 0.5, 0.0], [0.5, 0.25, 0.25], [0.0, 0.25, 0.75]]])
    expected = [[0.5 + 0.5 * 0.4, 0.5 + 0.25 * 0.4, 0.25 * 0.4]]
    np.testing.assert_allclose(looks(chances, np.array([1.0, 0.4])), expected)


def test_ties_stand_as_they_come() -> None:
    assert places(np.array([[1.0, 2.0, 1.0, 2.0]])).tolist() == [[2, 0, 3, 1]]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(DataError, match="expected a temperature above 0, found 0"):
        PlackettLuce(SCORES, 0)
    with pytest.raises(DataError, match="expected a share from 0 to 1, found 1.5"):
        Shuffled(SCORES, 1.5)
