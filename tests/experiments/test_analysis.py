import numpy as np
import pytest
from scipy import stats

from search_rerank.errors import DataError
from search_rerank.experiments.analysis import (
    adjusted,
    difference_of_means,
    difference_of_ratios,
    needed,
    sample_ratio_mismatch,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_means_are_compared_as_welch_does() -> None:
    a, b = rng().normal(1, 1, 30), np.random.default_rng(1).normal(2, 3, 50)
    found = difference_of_means(a, b)
    welch = stats.ttest_ind(b, a, equal_var=False)
    assert found.difference.value == pytest.approx(b.mean() - a.mean())
    assert found.p == pytest.approx(welch.pvalue)
    interval = welch.confidence_interval(0.95)
    assert (found.difference.low, found.difference.high) == pytest.approx(
        (interval.low, interval.high)
    )
    assert found.relative == pytest.approx((b.mean() - a.mean()) / a.mean())


def test_ratios_know_that_rankings_of_a_shopper_are_not_independent() -> None:
    source, false, naive = rng(), 0, 0
    runs = 300
    for _ in range(runs):
        groups = []
        for _ in range(2):
            taste = source.beta(1, 3, 60)
            rankings = source.integers(1, 40, 60).astype(float)
            groups.append((source.binomial(rankings.astype(int), taste).astype(float), rankings))
        found = difference_of_ratios(*groups)
        false += found.p < 0.05
        table = [(top.sum(), bottom.sum() - top.sum()) for top, bottom in groups]
        naive += stats.chi2_contingency(table).pvalue < 0.05
    assert 5 <= false <= 28  # 15 expected, standard deviation 3.8
    assert naive > 100


def test_the_delta_method_on_two_and_two_shoppers() -> None:
    control = (np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    treatment = (np.array([2.0, 6.0]), np.array([4.0, 1.0]))
    found = difference_of_ratios(control, treatment)
    assert (found.control, found.treatment) == (4 / 4, 8 / 5)
    first = np.array([1 - 2, 3 - 2]) / 4
    second = np.array([2 - 1.6 * 4, 6 - 1.6]) / 5
    variance = 2 * (first**2).sum() + 2 * (second**2).sum()
    assert found.difference.error == pytest.approx(np.sqrt(variance))


def test_adjusting_by_the_time_before_takes_variance_and_no_difference() -> None:
    source, covered = rng(), 0
    for _ in range(40):
        before = source.normal(10, 3, 400)
        values = 0.8 * before + source.normal(0, 1, 400)
        values[200:] += 0.3
        found = adjusted(values, before)
        plain = difference_of_means(values[:200], values[200:])
        better = difference_of_means(found[:200], found[200:])
        assert better.difference.error < 0.6 * plain.difference.error
        covered += better.difference.covers(0.3)
    assert covered >= 33  # 38 expected, standard deviation 1.4
    assert found.mean() == pytest.approx(values.mean())
    assert adjusted(values, np.ones(400)).tolist() == values.tolist()


def test_numbers_of_shoppers_that_do_not_fit_are_found() -> None:
    assert sample_ratio_mismatch([500, 500], [0.5, 0.5]) == pytest.approx(1)
    # (20 ** 2 / 500) * 2 = 1.6 of one degree of freedom
    assert sample_ratio_mismatch([520, 480], [0.4, 0.4]) == pytest.approx(stats.chi2.sf(1.6, 1))
    assert sample_ratio_mismatch([5200, 4800], [0.5, 0.5]) < 0.001
    assert sample_ratio_mismatch([7], [1.0]) == 1.0


def test_so_many_observations_have_the_power_that_is_asked_for() -> None:
    assert needed(0.5, 4.0) == int(np.ceil((1.959964 + 0.841621) ** 2 * 4 / 0.25))
    source = rng()
    n = needed(0.25, 1.0)
    found = sum(stats.ttest_1samp(source.normal(0.25, 1, n), 0).pvalue < 0.05 for _ in range(400))
    assert found / 400 == pytest.approx(0.8, abs=0.07)


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(DataError, match="2 shoppers or more in the treatment .* found 1 and 1"):
        difference_of_means(np.ones(3), np.ones(1))
    with pytest.raises(DataError, match="expected a denominator above 0"):
        difference_of_ratios((np.ones(2), np.zeros(2)), (np.ones(2), np.ones(2)))
    with pytest.raises(DataError, match=r"counted for each of 2 variants, found \[0, 0\]"):
        sample_ratio_mismatch([0, 0], [0.5, 0.5])
    with pytest.raises(DataError, match="expected an effect other than 0"):
        needed(0.0, 1.0)


def test_no_difference_and_no_spread_prove_nothing() -> None:
    assert difference_of_means(np.ones(3), np.ones(4)).p == 1.0
