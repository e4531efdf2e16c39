"""What fusions say of their own scores."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.errors import BundleError
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.cascade import BEFORE, BEFORE_PLACE, Cascade, fuse_within
from search_rerank.fusion.grouped import SCALES
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.stage import Stage, Step
from search_rerank.fusion.vote import VOTES, Vote
from search_rerank.fusion.weighted import Weighted
from tests.fusion.test_fusion import SMALL, table, world


@pytest.fixture(scope="module")
def trees() -> LambdaMart:
    return LambdaMart.fit(*world(), SMALL)


def test_contributions_and_the_expected_score_sum_to_the_score(trees: LambdaMart) -> None:
    made, _ = world(seed=1)
    found = trees.contributions(made)
    assert found.names == ("good", "noise")
    assert found.values.shape == (len(made), 2)
    assert found.rows.all() and len(found.rows) == len(made)
    np.testing.assert_allclose(found.values.sum(axis=1) + found.expected, trees.fuse(made))


def test_what_decides_is_the_strongest(trees: LambdaMart) -> None:
    made, _ = world(seed=1)
    found = trees.contributions(made)
    assert list(found.strength) == ["good", "noise"]
    assert found.strength["good"] == pytest.approx(np.abs(found.values[:, 0]).mean())


def test_no_rows_have_no_contributions(trees: LambdaMart) -> None:
    found = trees.contributions(table({"good": [], "noise": []}, [0]))
    assert found.values.shape == (0, 2)
    assert found.strength == {"good": 0.0, "noise": 0.0}


def test_a_table_of_other_features_is_refused(trees: LambdaMart) -> None:
    with pytest.raises(BundleError, match="missing here"):
        trees.contributions(table({"good": [1.0]}, [1]))


def weighted(scaling: str) -> Weighted:
    return Weighted(("good", "noise", "unused"), (0.75, 0.25, 0.0), scaling)


ADDITIVE = [Vote(("good", "noise"), kind=kind) for kind in VOTES]
ADDITIVE += [weighted(scaling) for scaling in SCALES]


@pytest.mark.parametrize("fusion", ADDITIVE, ids=str)
def test_terms_sum_to_the_score_exactly(fusion: Fusion) -> None:
    made, _ = world(seed=1)
    made = made.with_columns({"unused": made.column("noise")})
    found = fusion.contributions(made)
    assert (found.names, found.expected) == (("good", "noise"), 0.0)
    np.testing.assert_allclose(found.values.sum(axis=1), fusion.fuse(made), rtol=0, atol=1e-12)


def test_a_vote_s_terms_are_its_ranks() -> None:
    made = table({"good": [3.0, 1.0, 2.0], "noise": [np.nan, 5.0, 4.0]}, [3])
    found = Vote(("good", "noise")).contributions(made)
    expected = [[1 / 61, 0.0], [1 / 63, 1 / 61], [1 / 62, 1 / 62]]
    np.testing.assert_allclose(found.values, expected)


def test_a_mean_s_terms_are_weights_times_scaled_values() -> None:
    made = table({"good": [3.0, 1.0, 2.0], "noise": [np.nan, 5.0, 4.0], "unused": [1, 2, 3]}, [3])
    found = weighted("min_max").contributions(made)
    np.testing.assert_allclose(found.values, [[0.75, 0.0], [0.0, 0.25], [0.375, 0.0]])
    assert weighted("min_max").importance() == {"good": 0.75, "noise": 0.25}


@pytest.mark.parametrize("fusion", [*ADDITIVE, "trees"], ids=str)
def test_a_row_s_parts_are_the_same_whichever_rows_are_asked_for(
    fusion: Fusion | str, trees: LambdaMart
) -> None:
    made, _ = world(seed=1)
    able: Fusion = trees if isinstance(fusion, str) else fusion
    if able is not trees:
        made = made.with_columns({"unused": made.column("noise")})
    wanted = np.arange(len(made)) % 7 == 3
    found, everything = able.contributions(made, wanted), able.contributions(made)
    np.testing.assert_array_equal(found.rows, wanted)
    np.testing.assert_array_equal(found.values, everything.values[wanted])
    assert able.contributions(made, np.zeros(len(made), dtype=bool)).values.shape == (0, 2)


def test_a_cascade_explains_the_rows_that_reach_its_trees() -> None:
    made, gains = world()
    cascade = Cascade.fit(made, gains, Vote(("good", "noise")), 5, SMALL)
    found = cascade.contributions(made)
    assert found.names == ("good", "noise", BEFORE, BEFORE_PLACE)
    assert found.rows.sum() == len(found.values) == 60 * 5
    scores = found.values.sum(axis=1) + found.expected
    # The cascade's own score is the trees', squeezed in their order.
    order = np.argsort(cascade.fuse(made)[found.rows], kind="stable")
    assert (np.diff(scores[order]) >= -1e-9).all()
    assert cascade.importance() == cascade.stages[1].fusion.importance()
    half = np.arange(len(made)) % 2 == 0
    some = cascade.contributions(made, half)
    np.testing.assert_array_equal(some.rows, found.rows & half)
    np.testing.assert_array_equal(some.values, found.values[half[found.rows]])


def test_a_cascade_of_one_stage_is_that_stage() -> None:
    made, _ = world()
    vote = Vote(("good",))
    found = Cascade((Stage(vote),)).contributions(made)
    np.testing.assert_array_equal(found.values, vote.contributions(made).values)


@pytest.mark.parametrize("budget_ms", [None, 0.0], ids=["enough time", "no time"])
def test_the_steps_of_a_cascade_explain_what_each_stage_gave(budget_ms: float | None) -> None:
    made, gains = world()
    cascade = Cascade.fit(made, gains, Vote(("good", "noise")), 5, SMALL)
    steps: list[Step] = []
    fused, _ = fuse_within(cascade, made, budget_ms, clock=lambda: 0.0, steps=steps)
    last = np.zeros(len(made), dtype=int)
    for step in steps:
        last[step.rows] = step.level
        found = step.contributions(np.ones(len(step.rows), dtype=bool))
        sums = found.values.sum(axis=1) + found.expected
        np.testing.assert_allclose(sums, step.scores, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(np.floor(fused), last)
    assert (last == 1).sum() == (0 if budget_ms == 0.0 else 60 * 5)


def test_the_step_of_any_other_fusion_is_its_own() -> None:
    made, _ = world()
    steps: list[Step] = []
    vote = Vote(("good",))
    fused, _ = fuse_within(vote, made, None, steps=steps)
    (step,) = steps
    assert (step.level, step.stage.fusion) == (0, vote)
    np.testing.assert_array_equal(step.scores, fused)
