"""Columns that differ are found by name, with how often, how far and where."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.features.table import FeatureTable
from search_rerank.skew.compare import Compared, differ

nan = float("nan")


def table(**columns: list[float]) -> FeatureTable:
    X = np.array(list(columns.values()), dtype=np.float32).T
    offsets, rank = np.array([0, len(X)]), np.arange(len(X), dtype=np.int32)
    return FeatureTable(tuple(columns), X, offsets, rank)


def test_equal_tables_do_not_differ() -> None:
    one = table(a=[1, nan], b=[2, 3])
    compared = Compared()
    compared.add("r", ["p", "q"], one, one)
    assert compared.same and (compared.requests, compared.rows) == (1, 2)


def test_a_column_that_differs_is_named_with_its_rows() -> None:
    compared = Compared()
    compared.add("r1", ["p", "q"], table(a=[1, 2], b=[0, 0]), table(a=[1, 4.5], b=[0, 0]))
    compared.add("r2", ["s", "t"], table(a=[1, nan], b=[0, 0]), table(a=[2, 7], b=[0, 0]))
    (name,) = compared.differing
    found = compared.differing[name]
    assert (name, found.rows, found.requests, found.largest) == ("a", 3, 2, 2.5)
    places = [(example.request, example.item) for example in found.examples]
    assert places == [("r1", "q"), ("r2", "s"), ("r2", "t")]
    (first, *_) = compared.table("logged", "replayed")
    assert first == {
        "feature": "a",
        "rows": "3 of 4",
        "requests": "2",
        "largest": "2.5",
        "request": "r1",
        "item": "q",
        "logged": "2",
        "replayed": "4.5",
    }


def test_columns_are_compared_by_name_and_those_of_one_side_are_named() -> None:
    compared = Compared()
    compared.add("r", ["p"], table(a=[1], b=[2]), table(b=[2], c=[1]))
    assert not compared.differing and not compared.same
    assert (compared.only_one, compared.only_other) == ({"a"}, {"c"})


def test_ignored_columns_are_not_compared() -> None:
    compared = Compared()
    compared.add("r", ["p"], table(a=[1], b=[2], c=[3]), table(a=[1], b=[9]), {"b", "c"})
    assert compared.same


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1.0, 1.00009, False),
        (1.0, 1.0003, True),
        (1e6, 1e6 + 90, False),
        (1e6, 1e6 + 200, True),
        (0.0, 1e-9, True),
        (1e-9, 2e-9, True),
        (nan, nan, False),
        (nan, 0.0, True),
        (np.inf, np.inf, False),
        (np.inf, -np.inf, True),
        (np.inf, 1.0, True),
    ],
)
def test_when_values_differ(one: float, other: float, expected: bool) -> None:
    a, b = np.float32([one]), np.float32([other])
    assert differ(a, b, 1e-4).tolist() == differ(b, a, 1e-4).tolist() == [expected]


def test_what_is_left_of_terms_that_cancel_out_is_rounding() -> None:
    one, other = np.float32([[7.0, 7e-6], [1e-6, 1e-6]]), np.float32([[7.0, 7e-6], [2e-6, 2e-6]])
    assert differ(one, other, 1e-4).tolist() == [[False, False], [False, True]]
