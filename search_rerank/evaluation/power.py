"""How small a difference the data could show: what a finding of no difference is worth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.resampling import Clusters


def detectable(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    clusters: Sequence[Hashable] | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> float:
    """Return the smallest difference of means that a paired test would find with this power.

    It is ``(z(1 - alpha / 2) + z(power))`` standard errors of the mean difference (Cohen, 1988;
    for search by Sakai, 2016), the error taken over clusters. It depends on how the differences
    spread and not on their mean, so it may be computed after the fact.

    Parameters
    ----------
    a, b
        (q,) each, one a query, in the same order.
    clusters
        Whose each query is.
    power
        Probability with which a true difference of that size has p below alpha.
    alpha
        Two-sided level. For one of m tests under Holm's correction alpha / m is on the safe side.

    Raises
    ------
    ValueError
        Where a and b do not fit together, or there are fewer than two clusters.
    """
    if len(a) != len(b):
        raise ValueError(f"expected as many values of both systems, found {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    whose = Clusters.numbered(clusters, len(difference))
    return float(detectable_columns(difference[:, None], whose, power, alpha)[0])


def detectable_columns(
    columns: NDArray[np.float64], clusters: Clusters, power: float = 0.8, alpha: float = 0.05
) -> NDArray[np.float64]:
    """Return `detectable` of each column of differences (q, s), float64 (s,)."""
    if not (0 < power < 1 and 0 < alpha < 1):
        raise ValueError(f"expected power and alpha between 0 and 1, found {power} and {alpha}")
    if len(clusters) < 2:
        raise ValueError(
            f"expected two clusters of queries or more, found {len(clusters)}: the spread of one "
            "cannot be known"
        )
    normal = NormalDist()
    factor = normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)
    return factor * standard_errors(columns, clusters)


def standard_errors(columns: NDArray[np.float64], clusters: Clusters) -> NDArray[np.float64]:
    """Return the standard error of each column's mean over clusters, float64 (s,).

    The mean over queries is a ratio, sum over size; its error is that of a ratio of two sums over
    independent clusters (Cochran, 1977), which with clusters of one is the usual one.
    """
    c = len(clusters)
    residuals = clusters.sums(columns) - clusters.sizes[:, None] * columns.mean(axis=0)
    variance = c / (c - 1) * np.square(residuals).sum(axis=0)
    return np.asarray(np.sqrt(variance) / clusters.sizes.sum(), dtype=np.float64)
