import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.features.arrays import of_best, place, ratio, share_of, sums_by


def test_place_is_the_share_of_the_others_that_are_lower() -> None:
    got = place(np.array([3.0, 1.0, 2.0, np.nan], dtype=np.float32))
    np.testing.assert_allclose(got, [1.0, 0.0, 0.5, np.nan])


def test_equal_values_share_a_place() -> None:
    np.testing.assert_allclose(place(np.array([7.0, 7.0, 7.0], dtype=np.float32)), [0.5] * 3)
    np.testing.assert_allclose(place(np.array([1.0, 1.0, 5.0], dtype=np.float32)), [0.25, 0.25, 1])


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30), st.randoms())
def test_place_does_not_depend_on_the_order_of_rows(values: list[float], random) -> None:
    order = list(range(len(values)))
    random.shuffle(order)
    column = np.array(values, dtype=np.float32)
    np.testing.assert_array_equal(place(column)[order], place(column[order]))


def test_share_of_a_history() -> None:
    weight = np.array([1.0, 3.0, 4.0], dtype=np.float32)
    seen = np.array([5, 2, -1], dtype=np.int32)  # the third has no brand
    asked = np.array([2, 5, 9, -1], dtype=np.int32)
    np.testing.assert_allclose(share_of(weight, seen, asked), [3 / 4, 1 / 4, 0, np.nan])


def test_share_of_a_history_without_values_is_unknown() -> None:
    nothing = share_of(np.ones(1, "f4"), np.array([-1], "i4"), np.array([1, 2], "i4"))
    assert np.isnan(nothing).all()


def test_ratio_and_of_best_at_zero() -> None:
    zero = np.zeros(2, dtype=np.float32)
    np.testing.assert_array_equal(ratio(zero, zero), [0, 0])
    np.testing.assert_array_equal(of_best(zero), [0, 0])
    assert of_best(np.array([2.0, 4.0], dtype=np.float32)) == pytest.approx([0.5, 1.0])


def test_sums_by_key() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0], dtype=np.float32)
    keys = np.array([5, -1, 5, 0], dtype=np.int32)
    np.testing.assert_array_equal(sums_by(values, keys), [5, np.nan, 5, 8])
    assert sums_by(values[:0], keys[:0]).shape == (0,)
    assert np.isnan(sums_by(values, np.full(4, -1, dtype=np.int32))).all()
