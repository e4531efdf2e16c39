"""The fusions learnt from replayed rows, and the choice of the one that serves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.config import TrainingConfig
from search_rerank.errors import ConfigError
from search_rerank.features.table import FeatureTable
from search_rerank.fitting import Fitted, fit_fusions
from search_rerank.fusion.cascade import BEFORE, Cascade
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.selection import Selection
from search_rerank.fusion.vote import Vote
from search_rerank.fusion.weighted import Weighted
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed

QUICK = TrainingConfig(trees=30, leaves=7, min_rows=5, patience=10, threads=1)


def rows(
    groups: int, gain: NDArray[np.float64], columns: dict[str, NDArray[np.float64]]
) -> Replayed:
    """Replayed groups of 12 in which the row with the largest gain is taken."""
    taken = np.zeros((groups, 12), dtype=np.float32)
    taken[np.arange(groups), gain.argmax(axis=1)] = 1
    table = FeatureTable(
        tuple(columns),
        np.column_stack([column.ravel() for column in columns.values()]).astype(np.float32),
        np.arange(0, 12 * groups + 1, 12),
        np.tile(np.arange(12, dtype=np.int32), groups),
    )
    asked = [Occasion(Query(user=f"u{n}"), {}) for n in range(groups)]
    none = np.full(12 * groups, -1, dtype=np.int32)
    return Replayed(table, taken.ravel(), [[] for _ in asked], asked, none, none)


def sums(groups: int = 200, seed: int = 0) -> Replayed:
    """The sum of two opinions decides: nothing is better than the weighted sum."""
    one, other = np.random.default_rng(seed).random((2, groups, 12))
    return rows(groups, one + other, {"score.one": one, "score.other": other})


def interacting(groups: int = 400, seed: int = 0) -> Replayed:
    """Which opinion counts depends on the price: only trees can know."""
    one, other, price = np.random.default_rng(seed).random((3, groups, 12))
    gain = np.where(price > 0.5, one, other)
    columns = {"score.one": one, "score.other": other, "item.price": price}
    return rows(groups, gain, columns)


def test_where_a_sum_decides_the_sum_serves() -> None:
    fitted = fit_fusions(sums(), QUICK)
    assert list(fitted) == ["vote", "weighted", "lambdamart", "cascade"]
    assert fitted.selection.chosen in ("weighted", "vote")
    assert fitted.selection.queries == 50
    tried = {(trial.fusion, trial.options) for trial in fitted.selection.trials}
    assert tried == {
        *(("vote", kind) for kind in ("reciprocal", "borda")),
        *(("weighted", scaling) for scaling in ("min_max", "z_score", "rank")),
        ("lambdamart", ""),
        ("cascade", ""),
    }


def test_where_opinions_depend_on_each_other_trees_serve() -> None:
    selection = fit_fusions(interacting(), QUICK).selection
    assert selection.chosen in ("lambdamart", "cascade")
    worst = selection.trials[-1]
    assert worst.fusion in ("vote", "weighted") and worst.ci95[1] < 0


def test_the_scaling_that_is_best_alone_is_the_one_that_is_kept() -> None:
    """One wild value a group squeezes the rest under min-max: ranks do not mind."""
    groups = 200
    rng = np.random.default_rng(3)
    one, other = rng.random((2, groups, 12))
    wild = one.copy()
    wild[np.arange(groups), rng.integers(0, 12, groups)] *= 1e6
    made = rows(groups, one + other, {"score.wild": wild, "score.other": other})
    fitted = fit_fusions(made, QUICK.model_copy(update={"ranker": "weighted"}))
    weighted = fitted["weighted"]
    best = next(trial for trial in fitted.selection.trials if trial.fusion == "weighted")
    assert isinstance(weighted, Weighted) and weighted.scaling == best.options == "rank"


def test_after_the_choice_all_learn_from_all_queries() -> None:
    made = sums()
    fitted = fit_fusions(made, QUICK)
    weighted = fitted["weighted"]
    assert isinstance(weighted, Weighted)
    columns = ("score.one", "score.other")
    assert weighted == Weighted.fit(made.table, made.gains, columns, weighted.scaling)


def test_what_is_set_is_not_tried() -> None:
    config = QUICK.model_copy(
        update={"ranker": "vote", "vote": "borda", "scaling": "z_score", "vote_k": 9.0}
    )
    fitted = fit_fusions(sums(), config)
    assert fitted.selection == Selection("vote", reason="as set")
    assert fitted["vote"] == Vote(("score.one", "score.other"), 9.0, "borda")
    weighted = fitted["weighted"]
    assert isinstance(weighted, Weighted) and weighted.scaling == "z_score"


def test_too_few_queries_choose_nothing() -> None:
    fitted = fit_fusions(sums(groups=8), QUICK)
    assert fitted.selection.chosen == "cascade" and fitted.selection.queries == 0


def test_where_only_the_newest_queries_teach_nothing_is_held_out() -> None:
    made = sums(groups=20)
    gains = made.gains.copy()
    gains[: 12 * 16] = 0
    fitted = fit_fusions(replace(made, gains=gains), QUICK)
    assert fitted.selection == Selection("cascade", reason="too few queries to choose on")


def test_options_of_the_trees_arrive() -> None:
    with pytest.raises(ConfigError, match="no column matches 'score.tow'"):
        fit_fusions(sums(), QUICK.model_copy(update={"rising": ("score.tow",)}))


def test_stages_are_grown_as_they_are_set() -> None:
    stages = [
        {"fusion": "vote", "share": 0.1},
        {"fusion": "lambdamart", "size": 8, "share": 0.6},
        {"fusion": "weighted", "size": 4, "share": 0.3},
    ]
    config = TrainingConfig.model_validate({**QUICK.model_dump(), "stages": stages})
    cascade = fit_fusions(sums(), config)["cascade"]
    assert isinstance(cascade, Cascade)
    first, second, third = cascade.stages
    assert isinstance(first.fusion, Vote) and isinstance(second.fusion, LambdaMart)
    assert second.fusion.features == ("score.one", "score.other", BEFORE, "cascade.before_place")
    assert isinstance(third.fusion, Weighted)
    assert third.fusion.columns == (BEFORE, "score.one", "score.other")
    assert [(stage.size, stage.share) for stage in cascade.stages] == [
        (None, 0.1),
        (8, 0.6),
        (4, 0.3),
    ]


def test_clicks_of_a_biased_log_do_not_judge_trees_that_are_free_of_it() -> None:
    made = interacting()
    places = np.tile(np.arange(12, dtype=np.int32), len(made.table) // 12)
    selection = fit_fusions(made, QUICK, positions=places).selection
    assert selection.chosen == "cascade" and "bias of places" in selection.reason
    assert {trial.fusion for trial in selection.trials} == {"vote", "weighted"}


@pytest.mark.parametrize("name", ["weights", "positions"])
def test_weights_and_places_reach_the_trees(name: str) -> None:
    made = sums()
    n = len(made.table)
    given = {
        "weights": np.where(np.arange(n) < n // 2, 1, 9).astype(np.float32),
        "positions": np.tile(np.arange(12, dtype=np.int32), n // 12),
    }[name]
    plain: Fitted = fit_fusions(made, QUICK)
    told: Fitted = fit_fusions(made, QUICK, **{name: given})  # type: ignore[arg-type]
    for fusion in ("lambdamart", "cascade"):
        assert not np.allclose(plain[fusion].fuse(made.table), told[fusion].fuse(made.table))
