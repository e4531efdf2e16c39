import numpy as np
import pytest

from search_rerank.evaluation.compare import paired_test
from search_rerank.evaluation.power import detectable


def test_it_is_2_8_standard_errors() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(400), rng.random(400)
    error = (a - b).std(ddof=1) / np.sqrt(400)
    assert detectable(a, b) == pytest.approx((1.959964 + 0.841621) * error, rel=1e-6)
    assert detectable(a, b, power=0.5) == pytest.approx(1.959964 * error, rel=1e-6)
    assert detectable(a, b, alpha=0.05 / 7) > detectable(a, b)


def test_it_does_not_depend_on_the_difference_found() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(100), rng.random(100)
    assert detectable(a + 0.3, b) == pytest.approx(detectable(a, b))
    assert detectable(b, a) == pytest.approx(detectable(a, b))


def test_repeated_queries_of_a_shopper_add_nothing() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(100), rng.random(100)
    shoppers = [n for n in range(100) for _ in range(9)]
    nine = detectable(np.repeat(a, 9), np.repeat(b, 9), shoppers)
    assert nine == pytest.approx(detectable(a, b))
    assert detectable(np.repeat(a, 9), np.repeat(b, 9)) < nine / 2


def test_a_difference_of_that_size_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(0)
    shoppers = np.repeat(np.arange(60), 3)
    found = 0
    for _ in range(300):
        spread = rng.normal(0, 1, 60)[shoppers] + rng.normal(0, 1, 180)
        effect = 2.801585 * np.sqrt(1 / 60 + 1 / 180)  # of the true spread
        found += paired_test(spread + effect, np.zeros(180), rng, shoppers.tolist(), n=400).p < 0.05
    assert found / 300 == pytest.approx(0.8, abs=0.07)  # standard deviation 0.023


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="expected two clusters of queries or more, found 1"):
        detectable(np.ones(3), np.zeros(3), ["ann"] * 3)
    with pytest.raises(ValueError, match="found 2 and 3"):
        detectable(np.ones(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"expected power and alpha between 0 and 1, found 1 and"):
        detectable(np.ones(2), np.zeros(2), power=1)
    with pytest.raises(ValueError, match="expected one finite value a query"):
        detectable(np.array([1.0, np.nan]), np.zeros(2))
