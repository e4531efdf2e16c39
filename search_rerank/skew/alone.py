"""How well each feature alone predicts what was taken: too well is a sign that it knew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.fusion.base import Fusion
from search_rerank.replay import Replayed

MEASURE = "nDCG@10"
IMPLAUSIBLE = 0.9
"""No honest feature orders the lists of a shop this well by itself."""


@dataclass(frozen=True)
class Alone:
    """One feature as the only ranker.

    Parameters
    ----------
    name
        The feature.
    ndcg
        Mean nDCG@10 over queries, in the better of the two directions.
    rising
        Whether the smallest value comes first in that direction.
    """

    name: str
    ndcg: float
    rising: bool


def alone(rows: Replayed, rng: np.random.Generator) -> list[Alone]:
    """Return every feature as the only ranker, the best first; ties are broken at random."""
    chance = rng.permutation(len(rows.table))
    found = []
    for name in rows.table.names:
        column = rows.table.column(name).astype(np.float64)
        falling, rising = (_ndcg(rows, scores, chance) for scores in (column, -column))
        found.append(Alone(name, max(falling, rising), rising > falling))
    return sorted(found, key=lambda one: (-one.ndcg, one.name))


def of_model(rows: Replayed, ranker: Fusion, features: Sequence[str]) -> float | None:
    """Return the mean nDCG@10 of a model on rows; None where they lack some of its features.

    Parameters
    ----------
    features
        The columns it was trained on; rows may have more.
    """
    table = rows.table
    if not set(features) <= set(table.names):
        return None
    places = [table.names.index(name) for name in features]
    own = replace(table, names=tuple(features), X=table.X[:, places])
    return _ndcg(rows, ranker.fuse(own).astype(np.float64), table.engine_rank)


def implausible(
    features: Sequence[Alone], model: float | None, threshold: float = IMPLAUSIBLE
) -> list[Alone]:
    """Return the features that alone beat a model made of many, or reach a threshold."""
    bar = threshold if model is None else min(threshold, model)
    return [one for one in features if one.ndcg > bar or one.ndcg >= threshold]


def _ndcg(rows: Replayed, scores: NDArray[np.float64], ties: NDArray[np.integer]) -> float:
    ranked = Grouped.ranked(rows.gains, scores, ties, rows.table.offsets, rows.missed)
    return float(parse_measure(MEASURE).values(ranked).mean())
