from itertools import product

import numpy as np
import pytest

from search_rerank.evaluation.compare import bootstrap_ci, paired_test


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_interval_is_that_of_the_normal_approximation() -> None:
    values = rng().normal(5, 2, 2000)
    low, high = bootstrap_ci(values, rng())
    half = 1.96 * values.std() / np.sqrt(2000)
    np.testing.assert_allclose([low, high], values.mean() + half * np.array([-1, 1]), atol=0.01)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    source, inside = rng(), 0
    for _ in range(200):
        low, high = bootstrap_ci(source.random(80), source, n=300)
        inside += low <= 0.5 <= high
    assert 180 <= inside <= 199  # 190 expected, standard deviation 3.1


def test_equal_values_have_no_width() -> None:
    assert bootstrap_ci(np.full(7, 0.25), rng()) == (0.25, 0.25)


def test_queries_of_one_shopper_are_no_independent_evidence() -> None:
    once = rng().random(100)
    values, shoppers = np.repeat(once, 9), [f"s{n}" for n in range(100) for _ in range(9)]
    low, high = bootstrap_ci(values, rng(), clusters=shoppers)
    wide, narrow = bootstrap_ci(once, rng()), bootstrap_ci(values, rng())
    np.testing.assert_allclose((low, high), wide, atol=1e-9)
    assert high - low > 2 * (narrow[1] - narrow[0])


def test_p_is_the_share_of_all_sign_assignments() -> None:
    a, b = np.array([0.5, 0.9, 0.3, 0.8, 0.7, 0.2]), np.array([0.4, 0.6, 0.35, 0.3, 0.5, 0.1])
    difference = a - b
    means = [abs(np.dot(signs, difference)) for signs in product([-1, 1], repeat=6)]
    exact = np.mean([mean >= abs(difference.sum()) - 1e-12 for mean in means])
    result = paired_test(a, b, rng())
    assert result.p == pytest.approx(exact, abs=0.01)
    assert result.mean == pytest.approx(difference.mean())
    assert result.ci95[0] <= result.mean <= result.ci95[1]
    mirrored = paired_test(b, a, rng())
    assert (mirrored.mean, mirrored.p) == (-result.mean, result.p)


def test_no_difference_has_p_1() -> None:
    same = rng().random(50)
    result = paired_test(same, same, rng())
    assert (result.mean, result.ci95, result.p) == (0.0, (0.0, 0.0), 1.0)


def test_clear_difference_has_the_smallest_p() -> None:
    base = rng().random(500)
    result = paired_test(base + 0.1, base, rng(), n=999)
    assert result.p == pytest.approx(1 / 1000)


def test_one_cluster_proves_nothing() -> None:
    base = rng().random(500)
    assert paired_test(base + 0.1, base, rng(), clusters=["a"] * 500).p == 1.0


def test_same_source_same_result() -> None:
    a, b = rng().random(300), np.random.default_rng(1).random(300)
    assert paired_test(a, b, rng()) == paired_test(a, b, rng())


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one finite value a query"):
        bootstrap_ci(np.zeros(0), rng())
    with pytest.raises(ValueError, match="expected one finite value a query"):
        bootstrap_ci(np.array([1.0, np.nan]), rng())
    with pytest.raises(ValueError, match="expected 2 clusters, one a value, found 1"):
        bootstrap_ci(np.ones(2), rng(), clusters=["a"])
    with pytest.raises(ValueError, match="found 2 and 3"):
        paired_test(np.ones(2), np.ones(3), rng())
