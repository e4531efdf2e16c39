import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.errors import ConfigError
from search_rerank.evaluation.correction import CORRECTIONS, corrected

P = [0.01, 0.04, 0.03, 0.005]


def test_holm_steps_down_from_the_smallest() -> None:
    # Sorted: .005 x 4, .01 x 3, .03 x 2, .04 x 1, and none below the one before it.
    assert corrected(P, "holm") == pytest.approx([0.01 * 3, 0.03 * 2, 0.03 * 2, 0.005 * 4])


def test_benjamini_hochberg_steps_up_from_the_largest() -> None:
    # Sorted: .005 x 4/1, .01 x 4/2, .03 x 4/3, .04 x 4/4, and none above the one after it.
    expected = [0.01 * 4 / 2, 0.04, 0.03 * 4 / 3, 0.005 * 4 / 1]
    assert corrected(P, "benjamini_hochberg") == pytest.approx(expected)


def test_none_changes_nothing() -> None:
    assert corrected(P, "none") == P


@given(st.lists(st.floats(0, 1), max_size=20))
def test_corrections_only_raise_and_keep_the_order(p: list[float]) -> None:
    found = {method: corrected(p, method) for method in CORRECTIONS}
    for method, values in found.items():
        assert len(values) == len(p)
        assert all(0 <= one <= 1 for one in values)
        assert all(after >= before - 1e-12 for before, after in zip(p, values, strict=True)), method
        ordered = [values[n] for n in np.argsort(p, kind="stable")]
        assert ordered == sorted(ordered)
    assert all(
        strict >= loose - 1e-12
        for strict, loose in zip(found["holm"], found["benjamini_hochberg"], strict=True)
    )


def test_holm_bounds_the_chance_of_one_false_finding() -> None:
    rng = np.random.default_rng(0)
    false = sum(min(corrected(rng.random(20).tolist())) < 0.05 for _ in range(1000))
    assert 30 <= false <= 70  # 50 expected, standard deviation 6.9; uncorrected 642


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown correction 'holms' \(did you mean 'holm'\?\)"):
        corrected(P, "holms")
    with pytest.raises(ValueError, match="expected p-values from 0 to 1"):
        corrected([0.5, np.nan])
    with pytest.raises(ValueError, match="expected p-values from 0 to 1"):
        corrected([1.5], "none")
