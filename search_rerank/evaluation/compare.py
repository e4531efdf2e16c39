"""How sure a mean over queries is, and whether two systems differ by more than chance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.resampling import Clusters, bootstrap_intervals, sign_flip_p

SAMPLES = 2_000
"""Bootstrap samples where nothing else is said."""
ASSIGNMENTS = 10_000
"""Assignments of signs where nothing else is said: p is never below one in so many."""


@dataclass(frozen=True)
class Comparison:
    """The paired difference of two systems.

    Parameters
    ----------
    mean
        Mean of the first system minus mean of the second.
    ci95
        95 % interval of that difference, by the bootstrap.
    p
        Two-sided p-value of no difference, by randomisation; never 0.
    """

    mean: float
    ci95: tuple[float, float]
    p: float


def bootstrap_ci(
    values: NDArray[np.floating],
    rng: np.random.Generator,
    n: int = SAMPLES,
    level: float = 0.95,
    clusters: Sequence[Hashable] | None = None,
) -> tuple[float, float]:
    """Return the percentile interval of the mean (Efron, 1979).

    Parameters
    ----------
    values
        (q,), one a query.
    rng
        Source of the draws.
    n
        How many samples of the queries are drawn.
    level
        Share of the samples' means inside the interval.
    clusters
        Whose each query is: whole clusters are drawn then, because the queries of one shopper
        are no independent evidence.

    Raises
    ------
    ValueError
        Where there are no values, one is not finite, or clusters are not as many.
    """
    whose = Clusters.numbered(clusters, len(values))
    sums = whose.sums(np.asarray(values, dtype=np.float64)[:, None])
    low, high = bootstrap_intervals(sums, whose.sizes, rng, n, level)[0].tolist()
    return low, high


def paired_test(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    n: int = ASSIGNMENTS,
) -> Comparison:
    """Compare two systems on the same queries by Fisher's randomisation test.

    Were the systems alike, each difference could as well have the other sign: p is the share of n
    random assignments of signs (and the one found) whose mean is at least as far from 0.

    Parameters
    ----------
    a, b
        (q,) each, one a query, in the same order.
    rng
        Source of the draws.
    clusters
        Whose each query is: the queries of one cluster get the same sign.
    n
        How many assignments are drawn.

    Raises
    ------
    ValueError
        As `bootstrap_ci`, or where a and b are not as many.
    """
    if len(a) != len(b):
        raise ValueError(f"expected as many values of both systems, found {len(a)} and {len(b)}")
    difference = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    return differences(difference[:, None], Clusters.numbered(clusters, len(difference)), rng, n)[0]


def differences(
    columns: NDArray[np.float64], clusters: Clusters, rng: np.random.Generator, n: int = ASSIGNMENTS
) -> list[Comparison]:
    """Return what each column of differences shows, from shared draws.

    Parameters
    ----------
    columns
        (q, s), a row a query: system minus baseline.
    """
    sums = clusters.sums(columns)
    p = sign_flip_p(sums, rng, n)
    intervals = bootstrap_intervals(sums, clusters.sizes, rng, SAMPLES, 0.95)
    return [
        Comparison(mean, (low, high), one)
        for mean, (low, high), one in zip(
            columns.mean(axis=0).tolist(), intervals.tolist(), p.tolist(), strict=True
        )
    ]
