"""What was shown high is not what is good: trees learn the one or the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from search_rerank.config import LabelsConfig, TrainingConfig, parse_config
from search_rerank.data.item import Item
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.labels.propensity import Propensities
from search_rerank.replay import Replayed
from search_rerank.training import Shop, fit_on_labels
from tests.labels.worlds import EXAMINED

pytestmark = pytest.mark.slow

PLACES = len(EXAMINED)
BIAS = Propensities(
    "harvesting", EXAMINED.tolist(), EXAMINED.tolist(), EXAMINED.tolist(), [999] * 5, 999, "known"
)
SETTINGS = {"trees": 25, "leaves": 8, "ranker": "lambdamart", "vote": "borda", "scaling": "rank"}


def clicked(n: int = 4_000) -> Replayed:
    """Return groups ordered by a column that is not what attracts, and their clicks."""
    rng = np.random.default_rng(0)
    old = -np.sort(-rng.random((n, PLACES)), axis=1)  # what the engine ordered by, best first
    good = rng.random((n, PLACES))
    clicks = rng.random((n, PLACES)) < EXAMINED * np.where(good > 0.5, 0.6, 0.25)
    table = FeatureTable(
        ("score.good", "score.old"),
        np.column_stack([good.ravel(), old.ravel()]).astype(np.float32),
        np.arange(n + 1, dtype=np.int64) * PLACES,
        np.tile(np.arange(PLACES, dtype=np.int32), n),
    )
    return Replayed(
        table=table,
        gains=clicks.ravel().astype(np.float32),
        missed=[[]] * n,
        occasions=[],
        items=(np.add.outer(np.arange(n), np.arange(PLACES)) % PLACES).ravel().astype(np.int32),
        places=np.tile(np.arange(PLACES, dtype=np.int32), n),
    )


def shop(items: list[Item] | None = None, **labels: Any) -> Shop:
    """Return a shop of which only the items and the settings are there."""

    class Dataset:
        pass

    dataset = Dataset()
    dataset.items = items or []  # type: ignore[attr-defined]
    config = parse_config({"training": SETTINGS, "labels": labels})
    return Shop(cast(Any, dataset), *cast(Any, (None,) * 5), config=config)


def old_over_good(fusion: Fusion) -> float:
    """Return how much the place of before moves the score, against what is good."""
    steps = np.linspace(0.05, 0.95, 19, dtype=np.float32)
    good, old = (of.ravel() for of in np.meshgrid(steps, steps, indexing="ij"))
    n = len(good)
    X = np.column_stack([good, old])
    table = FeatureTable(
        ("score.good", "score.old"), X, np.array([0, n]), np.arange(n, dtype=np.int32)
    )
    scores = fusion.fuse(table).reshape(19, 19)
    by_good, by_old = scores.mean(axis=1), scores.mean(axis=0)
    return float(np.polyfit(steps, by_old, 1)[0] / np.polyfit(steps, by_good, 1)[0])


@pytest.fixture(scope="module")
def rows() -> Replayed:
    return clicked()


def test_trees_learn_the_place_from_clicks_and_unlearn_it_by_propensities(rows: Replayed) -> None:
    as_clicked = old_over_good(fit_on_labels(rows, shop(), None)["lambdamart"])
    weighed = old_over_good(fit_on_labels(rows, shop(bias="ips"), BIAS)["lambdamart"])
    told = old_over_good(fit_on_labels(rows, shop(bias="position"), BIAS)["lambdamart"])
    assert as_clicked > 0.5
    assert abs(weighed) < 0.3 * as_clicked
    assert abs(told) < 0.6 * as_clicked


def test_where_the_log_bears_no_estimate_it_is_learnt_as_clicked(rows: Replayed) -> None:
    none = Propensities("none", (), (), (), (), 0, "no rankings")
    first, second = (
        fit_on_labels(rows, shop(bias=bias), found)["lambdamart"].fuse(rows.table)
        for bias, found in (("none", None), ("ips", none))
    )
    np.testing.assert_array_equal(first, second)


def test_what_earns_more_is_learnt_to_be_better(rows: Replayed) -> None:
    margins = [0.0, 0.0, 0.0, 0.0, 9.0]
    items = [
        Item(id=str(n), title="x", attributes={"margin": margin})
        for n, margin in enumerate(margins)
    ]
    of = rows.table
    X = np.column_stack([of.X, (rows.items == 4).astype(np.float32)])
    table = FeatureTable((*of.names, "score.last"), X, of.offsets, of.engine_rank)
    rows = replace(rows, table=table)
    plain = fit_on_labels(rows, shop(items), None)["lambdamart"].fuse(table)
    earning = shop(items, objectives={"relevance": 0.2, "margin": 1.0})
    asked = fit_on_labels(rows, earning, None)["lambdamart"].fuse(table)
    last = rows.items == 4

    def lead(scores: Any) -> float:
        return float((scores[last].mean() - scores[~last].mean()) / scores.std())

    assert lead(asked) > lead(plain) + 0.5


def test_the_settings_of_the_tests_are_settings() -> None:
    assert TrainingConfig(**SETTINGS).trees == 25
    assert LabelsConfig().bias in ("none", "ips", "position")
