"""What the trees are told beside the rows: objective, order, categories, weights, places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.errors import ConfigError
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.trees import OBJECTIVES, matching, parameters
from tests.fusion.test_fusion import SMALL, first_hits, table, world


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_each_objective_learns_the_order(objective: str) -> None:
    made, gains = world(200)
    fresh, truth = world(50, seed=1)
    model = LambdaMart.fit(made, gains, replace(SMALL, objective=objective))
    assert first_hits(fresh, model.fuse(fresh), truth) > 0.6


def test_a_rising_column_never_lowers_the_score() -> None:
    made, gains = world(200)
    model = LambdaMart.fit(made, gains, replace(SMALL, rising=("go*",), falling=("noise",)))
    line = np.linspace(0, 1, 50)
    for noise in (0.1, 0.9):
        rising = model.fuse(table({"good": line.tolist(), "noise": [noise] * 50}, [50]))
        assert (np.diff(rising) >= 0).all() and rising[-1] > rising[0]
        falling = model.fuse(table({"good": [0.9] * 50, "noise": line.tolist()}, [50]))
        assert (np.diff(falling) <= 0).all()
    free = LambdaMart.fit(made, gains, SMALL)
    assert any(
        (np.diff(free.fuse(table({"good": [x] * 50, "noise": line.tolist()}, [50]))) > 0).any()
        for x in (0.5, 0.7, 0.9)
    )


def coloured(groups: int, seed: int) -> tuple[FeatureTable, NDArray[np.float32]]:
    """Only three of 24 colours are taken, whose numbers lie anywhere; one is missing often."""
    rng = np.random.default_rng(seed)
    colour = np.stack([rng.permutation(24)[:12] for _ in range(groups)]).ravel().astype(float)
    gains = np.isin(colour, [3, 11, 20]).astype(np.float32)
    colour[rng.random(len(colour)) < 0.1] = np.nan
    return table({"colour": colour.tolist()}, [12] * groups), gains


def test_categories_are_split_into_sets(tmp_path) -> None:
    stump = replace(SMALL, leaves=2, trees=2, features=1.0)
    made, gains = coloured(300, 0)
    fresh, truth = coloured(60, 1)
    sets = LambdaMart.fit(made, gains, replace(stump, categorical=("colour",)))
    numbers = LambdaMart.fit(made, gains, stump)
    by_set = first_hits(fresh, sets.fuse(fresh), truth)
    by_number = first_hits(fresh, numbers.fuse(fresh), truth)
    assert by_set > 0.8 and by_set > by_number
    sets.save(tmp_path)
    np.testing.assert_array_equal(LambdaMart.load(tmp_path).fuse(fresh), sets.fuse(fresh))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"objective": "lambdarang"}, "unknown objective.*did you mean 'lambdarank'"),
        ({"rising": ("goo",)}, "no column matches 'goo' .did you mean 'good'"),
        ({"rising": ("*",), "falling": ("noise",)}, "'noise' both rising and falling"),
        ({"rising": ("*",), "categorical": ("good",)}, "'good' both categorical and rising"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parameters(TreeOptions(**options), ("good", "noise"), [0, 1])  # type: ignore[arg-type]


def test_patterns_keep_the_order_of_the_columns() -> None:
    names = ("score.als", "query.vector", "score.content")
    assert matching(names, ("query.*", "score.*")) == list(names)
    assert matching(names, ("score.c*",)) == ["score.content"]


def two_tastes(groups: int = 240) -> tuple[FeatureTable, NDArray[np.float32]]:
    """In even groups the row with the largest `left` is taken, in odd ones that of `right`."""
    rng = np.random.default_rng(0)
    left, right = rng.random((groups, 10)), rng.random((groups, 10))
    gains = np.zeros((groups, 10), dtype=np.float32)
    best = np.where(np.arange(groups) % 2, right.argmax(axis=1), left.argmax(axis=1))
    gains[np.arange(groups), best] = 1
    return table({"left": left.ravel(), "right": right.ravel()}, [10] * groups), gains.ravel()


def test_rows_count_by_their_weights() -> None:
    made, gains = two_tastes()
    odd = np.repeat(np.arange(240) % 2 == 1, 10)
    weights = np.where(odd, 20, 1).astype(np.float32)
    model = LambdaMart.fit(made, gains, SMALL, weights=weights)
    best = ranks(made, model.fuse(made)) == 0
    taken = gains > 0
    assert (best & taken & odd).sum() > 2 * (best & taken & ~odd).sum()


def test_weights_of_one_change_nothing() -> None:
    made, gains = world()
    plain = LambdaMart.fit(made, gains, SMALL)
    weighed = LambdaMart.fit(made, gains, SMALL, weights=np.ones(len(made), dtype=np.float32))
    np.testing.assert_allclose(plain.fuse(made), weighed.fuse(made), rtol=1e-6)


def placed(groups: int, seed: int) -> tuple[FeatureTable, NDArray[np.float32], NDArray[np.int32]]:
    """The better row is taken more often, and far more often whatever stands first.

    `old` is half of what the old ranker went by: it seems to be worth a lot where nobody tells the
    places.
    """
    rng = np.random.default_rng(seed)
    good, old, rest = rng.random((3, groups, 8))
    place = np.argsort(np.argsort(-old - rest, axis=1), axis=1).astype(np.int32)
    looked = np.array([1, 0.5, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06])[place]
    gains = (rng.random((groups, 8)) < looked * good**2).astype(np.float32)
    made = table({"good": good.ravel(), "old": old.ravel()}, [8] * groups)
    return made, gains.ravel(), place.ravel()


def test_trees_that_are_told_the_places_see_through_them() -> None:
    made, gains, places = placed(1000, 0)
    fresh, _, _ = placed(300, 1)
    truth = np.zeros(len(fresh), dtype=np.float32)
    best = fresh.column("good").reshape(300, 8).argmax(axis=1)
    truth[np.arange(300) * 8 + best] = 1
    blind = LambdaMart.fit(made, gains, SMALL)
    told = LambdaMart.fit(made, gains, SMALL, positions=places)
    assert first_hits(fresh, told.fuse(fresh), truth) > 0.1 + first_hits(
        fresh, blind.fuse(fresh), truth
    )


def test_unknown_places_are_a_class_of_their_own() -> None:
    made, gains, places = placed(300, 0)
    places = np.where(np.arange(len(places)) % 3 == 0, -1, places).astype(np.int32)
    model = LambdaMart.fit(made, gains, SMALL, positions=places)
    assert np.isfinite(model.fuse(made)).all()


def test_only_lambdarank_learns_from_places() -> None:
    made, gains, places = placed(30, 0)
    with pytest.raises(ConfigError, match="expected the objective lambdarank.*rank_xendcg"):
        LambdaMart.fit(made, gains, replace(SMALL, objective="rank_xendcg"), positions=places)
