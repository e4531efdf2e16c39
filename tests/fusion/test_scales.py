"""Votes and scales: expectations are arithmetic, and a change that says nothing changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.errors import BundleError
from search_rerank.fusion.grouped import SCALES, ranked, standardised
from search_rerank.fusion.vote import Vote
from search_rerank.fusion.weighted import Weighted
from tests.fusion.test_fusion import NAN, table, world

VALUES = st.lists(st.integers(-50, 50) | st.just(None), min_size=1, max_size=12)


def test_z_scores_are_distances_from_the_mean_in_deviations() -> None:
    made = table({"x": [1, 3, 5, NAN, 7, 7]}, [4, 2])
    one = 2 / np.sqrt((4 + 0 + 4) / 3)
    np.testing.assert_allclose(
        standardised(made, made.column("x")), [-one, 0, one, 0, 0, 0], rtol=1e-6
    )


def test_equal_numbers_have_no_z_score_however_they_are_rounded() -> None:
    made = table({"x": [0.1] * 7}, [7])
    assert standardised(made, made.column("x")).tolist() == [0] * 7


def test_ranks_share_the_mean_of_their_places() -> None:
    made = table({"x": [5, 1, 5, 9, NAN, 4, 4]}, [5, 2])
    assert ranked(made, made.column("x")).tolist() == pytest.approx([0.5, 0, 0.5, 1, 0, 0, 0])


@given(VALUES, st.sampled_from(sorted(SCALES)), st.sampled_from([0.5, 2.0, 8.0]))
def test_another_unit_gives_the_same_scale(
    values: list[int | None], name: str, unit: float
) -> None:
    column = [NAN if value is None else float(value) for value in values]
    made = table({"x": column, "y": [unit * value for value in column]}, [len(column)])
    scale = SCALES[name]
    np.testing.assert_allclose(
        scale(made, made.column("x")), scale(made, made.column("y")), atol=1e-5
    )


@given(VALUES, VALUES, st.sampled_from(sorted(SCALES)))
def test_a_group_is_scaled_as_if_it_were_alone(
    one: list[int | None], other: list[int | None], name: str
) -> None:
    columns = [[NAN if value is None else float(value) for value in part] for part in (one, other)]
    both = table({"x": columns[0] + columns[1]}, [len(one), len(other)])
    alone = [table({"x": part}, [len(part)]) for part in columns]
    apart = np.concatenate([SCALES[name](part, part.column("x")) for part in alone])
    np.testing.assert_array_equal(SCALES[name](both, both.column("x")), apart)


def test_borda_counts_the_share_of_rows_below() -> None:
    made = table({"a": [3, 2, 1], "b": [1, NAN, 3], "flat": [7, 7, 7]}, [3])
    votes = Vote(("a", "b", "flat"), kind="borda").fuse(made)
    np.testing.assert_allclose(votes, [1 + 0.5, 0.5, 0 + 1])


@pytest.mark.parametrize("scaling", SCALES)
def test_weights_are_learnt_under_each_scaling(scaling: str) -> None:
    made, gains = world()
    fitted = Weighted.fit(made, gains, ["good", "noise"], scaling)
    assert fitted.scaling == scaling
    assert fitted.weights[0] > 0.85


def test_rows_count_by_their_weights() -> None:
    """Half the groups follow one column, half the other: the heavier half decides."""
    rng = np.random.default_rng(0)
    left, right = rng.random((80, 10)), rng.random((80, 10))
    gains = np.zeros((80, 10), dtype=np.float32)
    best = np.where(np.arange(80) % 2, left.argmax(axis=1), right.argmax(axis=1))
    gains[np.arange(80), best] = 1
    made = table({"left": left.ravel(), "right": right.ravel()}, [10] * 80)
    heavy = np.repeat(np.where(np.arange(80) % 2, 20.0, 1.0), 10).astype(np.float32)
    even = Weighted.fit(made, gains.ravel(), ["left", "right"])
    odd = Weighted.fit(made, gains.ravel(), ["left", "right"], weights=heavy)
    assert 0.3 < even.weights[0] < 0.7 < odd.weights[0]
    np.testing.assert_allclose(
        Weighted.fit(
            made, gains.ravel(), ["left", "right"], weights=np.ones(800, dtype=np.float32)
        ).weights,
        even.weights,
    )


def test_a_kind_of_another_release_is_refused(tmp_path) -> None:
    Vote(("a",), kind="approval").save(tmp_path)
    with pytest.raises(BundleError, match="unknown kind of vote 'approval'.*train again"):
        Vote.load(tmp_path)
    Weighted(("a",), (1.0,), scaling="z_scor").save(tmp_path)
    with pytest.raises(BundleError, match="did you mean 'z_score'"):
        Weighted.load(tmp_path)
