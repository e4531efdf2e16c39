"""How attractive items are, learnt from the log itself: the regression of the doubly robust way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError
from search_rerank.experiments.clustered import numbered
from search_rerank.experiments.estimators import Predicted
from search_rerank.experiments.logged import Logged


def cross_fitted(
    logged: Logged,
    looked: NDArray[np.float64],
    levels: Sequence[NDArray[np.integer]],
    rng: np.random.Generator,
    folds: int = 5,
    strength: float = 5.0,
) -> NDArray[np.float64]:
    """Return the chance of a click on each row's item that is looked at, float64 (n,).

    Clicks over looks of the item, shrunk to the rate of the coarser level, from the shoppers of
    the other folds: no shopper's clicks are predicted from themselves (Chernozhukov et al. 2018).

    Parameters
    ----------
    looked
        float64 (n,), chance that each row's place was looked at.
    levels
        What to count by, coarse to fine, numbers (n,) each: such as items, then query and item.
    rng
        Draws the folds.
    folds
        How many parts the shoppers fall into.
    strength
        Looks that the rate of the coarser level is worth.

    Raises
    ------
    DataError
        Where there are fewer shoppers than folds, or fewer than 2 folds.
    """
    shopper, m = numbered(logged.shopper)
    if not 2 <= folds <= m:
        raise DataError(f"expected 2 to {m} folds, one shopper in each at least, found {folds}")
    fold = (rng.permutation(m) % folds)[shopper][logged.ranking]
    rate = np.zeros(len(logged.ranking))
    everything = np.zeros(len(logged.ranking), dtype=np.int64)
    for n, level in enumerate([everything, *levels]):
        key, size = numbered(level)
        clicks, looks = (
            _of_others(key, size, fold, folds, values) for values in (logged.click, looked)
        )
        own = strength if n else 0.0
        rate = (clicks + own * rate) / np.maximum(looks + own, 1e-12)
    return rate


def reranked(logged: Logged, rate: NDArray[np.float64], wanted: NDArray[np.float64]) -> Predicted:
    """Return the predictions for a ranker that orders the shown items anew.

    Parameters
    ----------
    rate
        float64 (n,), as `cross_fitted` returns it.
    wanted
        float64 (n,), looks that each row's item gets from the new ranker.
    """
    return Predicted(rate, logged.per_ranking(wanted * rate))


def _of_others(
    key: NDArray[np.int64],
    size: int,
    fold: NDArray[np.int64],
    folds: int,
    values: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return for each row (n,) the sum of values over its key in the other folds."""
    cell = key * folds + fold
    sums = np.bincount(cell, weights=values, minlength=size * folds)
    total = sums.reshape(size, folds).sum(axis=1)
    return np.asarray(total[key] - sums[cell])
