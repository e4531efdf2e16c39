"""The value of a ranker, in clicks a ranking, from the log of another: IPS, SNIPS, doubly robust.

With w the weight of a shown row, c its click, e the chance that its place is looked at, A the looks
that the new ranker's list gets, and q a prediction of the chance of a click on an item that is
looked at, all summed within a ranking and averaged over rankings:

- IPS (Horvitz and Thompson 1952): ``w c``. No bias where the weights are right; varies most.
- SNIPS (Swaminathan and Joachims 2015): ``w c``, times the mean of A over the mean of ``w e``. The
  mean of ``w e`` should be A's; what it is off by chance, the clicks are off by, too. Its bias
  falls as one over the number of rankings.
- DR (Dudik, Langford and Li 2011; for places Oosterhuis 2023): the prediction's own value, and
  ``w (c - e q)`` for what it got wrong. No bias where either the weights or q are right. With q one
  number for all it is SNIPS.

Where w is the looks that the new ranker gives a row over e, and it orders the very items that were
shown (`search_rerank.experiments.weights.as_shown`), w e is what it gives: all three are one.

Intervals are normal, over shoppers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError
from search_rerank.experiments.clustered import (
    Interval,
    by_cluster,
    influence_interval,
    numbered,
    ratio_influence,
)
from search_rerank.experiments.logged import Logged, Target


@dataclass(frozen=True)
class Predicted:
    """What a regression says of the items, for the doubly robust estimate.

    Parameters
    ----------
    row
        float64 (n,), chance of a click on each row's item once it is looked at.
    value
        float64 (r,), clicks that the new ranker's list of each ranking gets by the regression.
    """

    row: NDArray[np.float64]
    value: NDArray[np.float64]


def ips(logged: Logged, target: Target, level: float = 0.95) -> Interval:
    """Return the inverse propensity estimate of clicks a ranking, with its interval."""
    return _mean(logged, logged.per_ranking(target.weight * logged.click), level)


def gained(logged: Logged, target: Target, level: float = 0.95) -> Interval:
    """Return how many more clicks a ranking the new ranker gets than the log's own, by IPS.

    Shoppers who click much do so under both: the difference is surer than either value.
    """
    return _mean(logged, logged.per_ranking((target.weight - 1) * logged.click), level)


def snips(logged: Logged, target: Target, level: float = 0.95) -> Interval:
    """Return the self-normalised estimate of clicks a ranking, with its interval.

    Raises
    ------
    DataError
        Where no row has a weight.
    """
    shopper, m = numbered(logged.shopper)
    clicks, looks, attention, rankings = (
        by_cluster(values, shopper, m)
        for values in (
            logged.per_ranking(target.weight * logged.click),
            logged.per_ranking(target.weight * target.looked),
            target.attention,
            np.ones(len(logged)),
        )
    )
    rate, of_rate = ratio_influence(clicks, looks)
    given, of_given = ratio_influence(attention, rankings)
    return influence_interval(rate * given, of_rate * given + rate * of_given, level)


def doubly_robust(
    logged: Logged, target: Target, predicted: Predicted, level: float = 0.95
) -> Interval:
    """Return the doubly robust estimate of clicks a ranking, with its interval.

    The prediction must not have seen the shopper's own clicks
    (`search_rerank.experiments.attraction.cross_fitted`), or it follows their noise.
    """
    if len(predicted.row) != len(logged.ranking) or len(predicted.value) != len(logged):
        raise DataError(
            f"expected {len(logged.ranking)} predictions of rows and {len(logged)} of rankings, "
            f"found {len(predicted.row)} and {len(predicted.value)}"
        )
    missed = target.weight * (logged.click - target.looked * predicted.row)
    return _mean(logged, predicted.value + logged.per_ranking(missed), level)


def _mean(logged: Logged, values: NDArray[np.float64], level: float) -> Interval:
    shopper, m = numbered(logged.shopper)
    sums, sizes = by_cluster(values, shopper, m), by_cluster(np.ones(len(logged)), shopper, m)
    return influence_interval(*ratio_influence(sums, sizes), level)
