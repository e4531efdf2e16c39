from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.query import Range, Statistics
from service.price_steps import as_filter, price_steps, step_label


def test_round_steps_around_the_mean() -> None:
    steps = price_steps(Statistics(100, 3.0, 900.0, 45.0))
    assert steps == [Range(None, 10), Range(10, 20), Range(20, 50), Range(50, 100), Range(100)]
    assert [step_label(step) for step in steps] == [
        "up to 9.99",
        "10 – 19.99",
        "20 – 49.99",
        "50 – 99.99",
        "100 and more",
    ]


@pytest.mark.parametrize("prices", [None, Statistics(3, 7.0, 7.0, 7.0)])
def test_nothing_to_choose_from(prices: Statistics | None) -> None:
    assert price_steps(prices) == []


@given(cents=st.lists(st.integers(0, 10**7), min_size=1, max_size=30))
def test_each_price_lies_in_one_step_and_in_its_filter(cents: list[int]) -> None:
    prices = [cent / 100 for cent in cents]
    mean = sum(prices) / len(prices)
    steps = price_steps(Statistics(len(prices), min(prices), max(prices), mean))

    def holds(step: Range, price: float) -> bool:
        low = step.gte is None or price >= step.gte
        return low and (step.lte is None or price < step.lte)

    for price in prices if steps else []:
        (within,) = [step for step in steps if holds(step, price)]
        closed = as_filter(within)
        assert closed.gte is None or closed.gte <= price
        assert closed.lte is None or price <= closed.lte
