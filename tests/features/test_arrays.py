import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.features.arrays import Column, of_best, places, ratio, shares_of, sums_by


def place(values: Column) -> Column:
    return places(values[None])[0]


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


ROWS = st.integers(0, 6).flatmap(
    lambda n: st.lists(
        st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.5, np.nan]), min_size=n, max_size=n),
        min_size=1,
        max_size=4,
    )
)


@given(ROWS)
def test_places_of_many_columns_are_those_of_each(rows: list[list[float]]) -> None:
    for values, got in zip(rows, places(np.array(rows, dtype=np.float32)), strict=True):
        known = [value for value in values if not np.isnan(value)]
        for value, share in zip(values, got, strict=True):
            lower = sum(other < value for other in known)
            equal = sum(other == value for other in known)
            expected = (lower + (equal - 1) / 2) / max(len(known) - 1, 1) if equal else np.nan
            np.testing.assert_allclose(share, expected, rtol=1e-6)


def test_shares_of_a_history() -> None:
    weight = np.array([1.0, 3.0, 4.0], dtype=np.float32)
    seen = np.array([[5, 11], [2, 12], [0, 11]])  # the third has no brand
    asked = np.array([[2, 12], [5, 13], [9, 10], [0, 11]])
    got = shares_of(weight, seen, asked, none=np.array([0, 10]))
    expected = [[3 / 4, 1 / 4, 0, np.nan], [3 / 8, 0, np.nan, 5 / 8]]
    np.testing.assert_allclose(got, expected)


def test_shares_of_a_history_without_values_are_unknown() -> None:
    none = np.array([0])
    assert np.isnan(shares_of(np.ones(1, "f4"), np.array([[0]]), np.array([[1], [2]]), none)).all()
    weightless = shares_of(np.zeros(1, "f4"), np.array([[1]]), np.array([[1], [2]]), none)
    assert np.isnan(weightless).all()


def test_ratio_and_of_best_at_zero() -> None:
    zero = np.zeros(2, dtype=np.float32)
    np.testing.assert_array_equal(ratio(zero, zero), [0, 0])
    np.testing.assert_array_equal(of_best(zero), [0, 0])
    assert of_best(np.array([2.0, 4.0], dtype=np.float32)) == pytest.approx([0.5, 1.0])
    unknown = np.array([[np.nan, 4.0, 2.0], [np.nan] * 3], dtype=np.float32)
    np.testing.assert_array_equal(of_best(unknown), [[np.nan, 1, 0.5], [0, 0, 0]])


def test_sums_by_key() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0], dtype=np.float32)
    keys = np.array([5, 0, 5, 1])
    np.testing.assert_array_equal(sums_by(values, keys), [5, np.nan, 5, 8])
    assert sums_by(values[:0], keys[:0]).shape == (0,)
    assert np.isnan(sums_by(values, np.zeros(4, dtype=np.int64))).all()
