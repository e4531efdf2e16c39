"""Gains over propensities: by arithmetic, and right in the mean whatever the places."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.labels.propensity import Propensities
from search_rerank.labels.weighing import Weighed, inverse_propensities, stepped, weigh


def propensities(*values: float) -> Propensities:
    n = len(values)
    return Propensities("em", values, values, values, [9] * n, 9, "for the test")


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def by_place(
    gains: np.ndarray, places: np.ndarray, offsets: np.ndarray, bias: Propensities, clip: float
) -> Weighed:
    return weigh(gains, inverse_propensities(gains, places, bias, clip), offsets)


def test_a_click_on_a_place_that_is_seldom_looked_at_counts_more() -> None:
    gains, places = f32(1, 0, 0, 0, 0, 2), np.array([0, 1, 2, 0, 1, 2], dtype=np.int32)
    found = by_place(gains, places, np.array([0, 3, 6]), propensities(1.0, 0.5, 0.25), clip=10)
    assert found.gains == pytest.approx([1, 0, 0, 0, 0, 2 / 0.25], rel=0.01)
    # One click in each group: its best DCG has grown by what the click has.
    assert found.weights == pytest.approx([1, 1, 1, 4, 4, 4], rel=0.01)


def test_a_group_weighs_its_best_order_after_over_that_before() -> None:
    gains, places = f32(1, 1, 0), np.array([0, 2, 1], dtype=np.int32)
    found = by_place(gains, places, np.array([0, 3]), propensities(1.0, 0.5, 0.25), clip=10)
    second = 1 / np.log2(3)
    assert found.weights == pytest.approx([(4 + 1 * second) / (1 + second)] * 3, rel=0.01)


def test_a_group_of_what_is_worth_less_weighs_less() -> None:
    found = weigh(f32(2, 0, 2, 0), np.array([0.25, 1, 1, 1]), np.array([0, 2, 4]))
    assert found.gains == pytest.approx([0.5, 0, 2, 0])
    assert found.weights == pytest.approx([0.25, 0.25, 1, 1])


def test_no_click_counts_more_than_the_clip() -> None:
    gains, places = f32(1, 0), np.array([1, 0], dtype=np.int32)
    found = by_place(gains, places, np.array([0, 2]), propensities(1.0, 0.01), clip=5)
    assert found.gains == pytest.approx([5, 0])


def test_a_click_at_an_unknown_place_counts_as_the_mean_of_the_others() -> None:
    gains, places = f32(1, 1, 1, 0), np.array([0, 1, -1, -1], dtype=np.int32)
    found = by_place(gains, places, np.array([0, 4]), propensities(1.0, 0.25), clip=10)
    assert found.gains == pytest.approx([1, 4, (1 + 4) / 2, 0], rel=0.02)


def test_where_nothing_was_estimated_nothing_changes() -> None:
    none = Propensities("none", (), (), (), (), 0, "no rankings")
    gains, places = f32(3, 0, 1), np.array([5, -1, 0], dtype=np.int32)
    found = by_place(gains, places, np.array([0, 2, 3]), none, clip=10)
    assert found.gains == pytest.approx([3, 0, 1], rel=0.01)
    assert found.weights == pytest.approx([1, 1, 1], rel=0.01)


def test_in_the_mean_the_gain_is_the_attraction_whatever_the_place() -> None:
    rng = np.random.default_rng(0)
    examined, n = np.array([1.0, 0.6, 0.3]), 60_000
    attraction = np.array([0.2, 0.5, 0.4])  # what stands lower may be better
    places = np.tile(np.arange(3, dtype=np.int32), n)
    clicks = (rng.random(3 * n) < np.tile(examined * attraction, n)).astype(np.float32)
    found = by_place(clicks, places, np.arange(0, 3 * n + 1, 3), propensities(*examined), clip=10)
    means = found.gains.reshape(n, 3).mean(axis=0)
    assert means == pytest.approx(attraction, rel=0.03)
    assert clicks.reshape(n, 3).mean(axis=0)[1] > clicks.reshape(n, 3).mean(axis=0)[2]


def test_gains_are_rounded_to_thousandths_and_none_is_lost() -> None:
    found = stepped(f32(0, 0.00001, 0.50049, 1))
    assert found == pytest.approx([0, 0.001, 0.5, 1])
    assert stepped(f32(0, 0)).tolist() == [0, 0]
