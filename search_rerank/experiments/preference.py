"""What interleaving says: which of two rankers the shoppers clicked."""

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
    two_sided_p,
)


@dataclass(frozen=True)
class Preference:
    """Which ranker's items were clicked more.

    Parameters
    ----------
    wins_a, wins_b, ties
        Shoppers who clicked more items of a, more of b, as many of both.
    margin
        Clicks on items of a minus those of b, a ranking, with its interval over shoppers.
    p
        Two-sided p-value of no margin.
    p_sign
        Two-sided p-value of the sign test of shoppers, ties left out; exact.
    """

    wins_a: int
    wins_b: int
    ties: int
    margin: Interval
    p: float
    p_sign: float


def prefer(
    credit: NDArray[np.floating], shopper: NDArray[np.generic], level: float = 0.95
) -> Preference:
    """Judge interleaved rankings by their clicks.

    Parameters
    ----------
    credit
        (r,), clicks on items of a minus clicks on items of b, in each ranking.
    shopper
        (r,), whose it was.

    Raises
    ------
    DataError
        Where the two are not as many, or of fewer than two shoppers.
    """
    if len(credit) != len(shopper):
        raise DataError(
            f"expected a shopper for each ranking, found {len(shopper)} and {len(credit)}"
        )
    numbers, m = numbered(shopper)
    return of_shoppers(
        by_cluster(credit, numbers, m), by_cluster(np.ones(len(credit)), numbers, m), level
    )


def of_shoppers(
    credit: NDArray[np.float64], rankings: NDArray[np.float64], level: float = 0.95
) -> Preference:
    """Judge interleaved rankings that were summed by shopper; as `prefer`.

    Parameters
    ----------
    credit, rankings
        float64 (m,) each, a shopper's credit over all rankings, and how many those are.
    """
    from scipy.stats import binomtest

    value, influence = ratio_influence(credit, rankings)
    margin = influence_interval(value, influence, level)
    wins_a, wins_b = int((credit > 0).sum()), int((credit < 0).sum())
    decided = wins_a + wins_b
    return Preference(
        wins_a=wins_a,
        wins_b=wins_b,
        ties=len(credit) - decided,
        margin=margin,
        p=two_sided_p(value, margin.error, len(credit) - 1),
        p_sign=float(binomtest(wins_a, decided).pvalue) if decided else 1.0,
    )
