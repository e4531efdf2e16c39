"""Means and ratios of what shoppers did, with errors that respect repeated shoppers."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError


@dataclass(frozen=True)
class Interval:
    """A value with its standard error and two-sided confidence interval."""

    value: float
    error: float
    low: float
    high: float

    def covers(self, truth: float) -> bool:
        """Return whether a value lies inside."""
        return self.low <= truth <= self.high


def by_cluster(
    values: NDArray[np.floating], clusters: NDArray[np.integer], n: int
) -> NDArray[np.float64]:
    """Return the sum of values (r,) over each of n clusters (r,), float64 (n,)."""
    return np.bincount(clusters, weights=values, minlength=n).astype(np.float64)


def numbered(clusters: NDArray[np.generic]) -> tuple[NDArray[np.int64], int]:
    """Return clusters of any kind (r,) as numbers from 0, and how many there are."""
    names, numbers = np.unique(clusters, return_inverse=True)
    return numbers.astype(np.int64), len(names)


def influence_interval(
    value: float, influence: NDArray[np.float64], level: float = 0.95
) -> Interval:
    """Return the interval of an estimate from each cluster's influence on it.

    The estimate is near the truth plus the sum of independent influences: its variance is
    ``m / (m - 1) sum(influence ** 2)``, the sandwich of Liang and Zeger (1986), and the interval
    is Student's with m - 1 degrees of freedom.

    Parameters
    ----------
    influence
        float64 (m,), one a cluster, summing to about 0.

    Raises
    ------
    DataError
        With fewer than two clusters, which tell nothing of how clusters differ.
    """
    m = len(influence)
    if m < 2:
        raise DataError(f"expected at least 2 shoppers, found {m}: an interval needs more of them")
    error = sqrt(m / (m - 1) * float(influence @ influence))
    return interval(value, error, m - 1, level)


def interval(value: float, error: float, freedom: float, level: float = 0.95) -> Interval:
    """Return the interval of an estimate with Student's quantiles; infinite freedom is normal."""
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, freedom)) * error
    return Interval(value, error, value - half, value + half)


def two_sided_p(value: float, error: float, freedom: float = float("inf")) -> float:
    """Return the p-value of no effect by Student's t; 1 where there is neither effect nor error."""
    from scipy.stats import t

    if error == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * t.sf(abs(value) / error, freedom))


def ratio_influence(
    top: NDArray[np.float64], bottom: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return ``sum(top) / sum(bottom)`` and each cluster's influence on it (the delta method).

    Parameters
    ----------
    top, bottom
        float64 (m,) each, a cluster's sums, such as its clicks and its sessions.

    Raises
    ------
    DataError
        Where the bottom sums to 0.
    """
    total = float(bottom.sum())
    if total == 0:
        raise DataError("expected a denominator above 0, found 0: there is nothing to divide by")
    value = float(top.sum()) / total
    return value, (top - value * bottom) / total
