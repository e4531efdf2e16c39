"""What trees say of their own scores."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.errors import BundleError
from search_rerank.fusion.cascade import BEFORE, BEFORE_PLACE, Cascade
from search_rerank.fusion.contributions import Explains
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.stage import Stage
from search_rerank.fusion.vote import Vote
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


def test_only_what_can_explain_itself_is_asked(trees: LambdaMart) -> None:
    assert isinstance(trees, Explains)
    assert not isinstance(Vote(("good",)), Explains)


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
    assert list(cascade.importance()) == list(cascade.stages[1].fusion.importance())  # type: ignore[attr-defined]


def test_a_later_stage_that_cannot_explain_itself_leaves_it_to_the_trees(trees: LambdaMart) -> None:
    made, _ = world(seed=1)
    cascade = Cascade((Stage(trees), Stage(Vote(("good",)), 3)))
    found = cascade.contributions(made)
    assert found.rows.all()
    np.testing.assert_allclose(found.values, trees.contributions(made).values)


def test_a_cascade_without_trees_explains_nothing() -> None:
    made, _ = world()
    found = Cascade((Stage(Vote(("good",))),)).contributions(made)
    assert (found.names, found.strength, found.rows.any()) == ((), {}, False)
