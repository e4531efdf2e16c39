"""How sure a mean over queries is, and whether two systems differ by more than chance."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1_000_000
"""Random numbers drawn at a time, so that memory does not grow with the number of draws."""


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
    n: int = 2000,
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
    sums, sizes = _by_cluster(values, clusters)
    m = len(sums)
    means = np.empty(n)
    step = max(_BLOCK // m, 1)
    for start in range(0, n, step):
        block = slice(start, min(start + step, n))
        drawn = rng.integers(0, m, size=(block.stop - start, m), dtype=np.int32)
        means[block] = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_test(
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    rng: np.random.Generator,
    clusters: Sequence[Hashable] | None = None,
    n: int = 10_000,
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
    sums, _ = _by_cluster(difference, clusters)
    sums = sums[sums != 0]  # a sign changes nothing there
    total, m = sums.sum(), len(sums)
    # Equal sums of floats in another order may differ in the last bits.
    bar = abs(total) - 1e-9 * np.abs(sums).sum()
    extreme = 0
    step = max(_BLOCK // max(m, 1), 1)
    for start in range(0, n, step):
        rows = min(step, n - start)
        bits = np.frombuffer(rng.bytes(rows * ((m + 7) // 8)), dtype=np.uint8).reshape(rows, -1)
        positive = np.unpackbits(bits, axis=1, count=m).astype(np.float64) @ sums
        extreme += int((np.abs(2 * positive - total) >= bar).sum())
    return Comparison(
        mean=float(difference.mean()),
        ci95=bootstrap_ci(difference, rng, clusters=clusters),
        p=(extreme + 1) / (n + 1),
    )


def _by_cluster(
    values: NDArray[np.floating], clusters: Sequence[Hashable] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each cluster's sum and size, float64 (c,) both."""
    if len(values) == 0 or not np.isfinite(values).all():
        raise ValueError("expected one finite value a query or more, found none, NaN or infinity")
    if clusters is None:
        return np.asarray(values, dtype=np.float64), np.ones(len(values))
    if len(clusters) != len(values):
        raise ValueError(f"expected {len(values)} clusters, one a value, found {len(clusters)}")
    numbers: dict[Hashable, int] = {}
    of = np.array([numbers.setdefault(one, len(numbers)) for one in clusters])
    sums = np.bincount(of, weights=values).astype(np.float64)
    return sums, np.bincount(of).astype(np.float64)
