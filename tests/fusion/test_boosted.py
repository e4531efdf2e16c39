"""Trees that start from another fusion's score."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search_rerank.fusion import load_fusion
from search_rerank.fusion.boosted import Boosted
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.weighted import Weighted
from tests.fusion.test_fusion import SMALL, first_hits, table, world

RIGHT = Weighted(("good",), (1.0,))
WRONG = Weighted(("noise",), (1.0,))


def test_the_score_is_the_first_and_the_mean_of_what_trees_add() -> None:
    made, gains = world()
    fitted = Boosted.fit(made, gains, RIGHT, SMALL, scale=3.0, seeds=(0, 1))
    added = [trees.fuse(made) for trees in fitted.trees]
    expected = 3.0 * RIGHT.fuse(made) + (added[0] + added[1]) / 2
    np.testing.assert_allclose(fitted.fuse(made), expected)
    assert not np.array_equal(*added)  # each seed draws its own rows and columns


def test_trees_correct_a_first_that_is_wrong() -> None:
    made, gains = world()
    new, new_gains = world(seed=1)
    fitted = Boosted.fit(made, gains, WRONG, SMALL, scale=1.0)
    assert first_hits(new, WRONG.fuse(new), new_gains) < 0.2
    assert first_hits(new, fitted.fuse(new), new_gains) > 0.6


def test_the_surer_the_first_the_less_is_added() -> None:
    made, gains = world()
    one, other = (
        Boosted.fit(made, gains, RIGHT, replace(SMALL, trees=5, validation=0.0), scale=scale)
        for scale in (0.0, 50.0)
    )
    assert np.ptp(other.trees[0].fuse(made)) < np.ptp(one.trees[0].fuse(made)) / 2


def test_without_validation_all_trees_are_grown(tmp_path: Path) -> None:
    made, gains = world()
    LambdaMart.fit(made, gains, replace(SMALL, trees=7, validation=0.0)).save(tmp_path)
    assert (tmp_path / "reranker.txt").read_text().count("Tree=") == 7


def test_it_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    made, gains = world()
    fitted = Boosted.fit(made, gains, RIGHT, SMALL, seeds=(0, 1))
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_fusion("boosted", tmp_path).fuse(made), fitted.fuse(made))


@pytest.mark.parametrize("sizes", [[0], [1]])
def test_small_tables_are_scored(sizes: list[int]) -> None:
    made, gains = world()
    fitted = Boosted.fit(made, gains, RIGHT, SMALL)
    few = table({name: [0.0] * sum(sizes) for name in made.names}, sizes)
    assert len(fitted.fuse(few)) == sum(sizes)
