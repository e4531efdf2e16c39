"""What intervals and tests draw: samples of clusters, and signs of their differences.

Many columns (systems) share one draw, so that twenty systems cost little more than one, and one
column gets the same draws as it would alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1_000_000
"""Random numbers drawn at a time, so that memory does not grow with the number of draws."""


@dataclass(frozen=True)
class Clusters:
    """Which values belong together: the queries of one shopper are no independent evidence.

    Parameters
    ----------
    of
        int64 (q,), number of each value's cluster.
    sizes
        float64 (c,), values of each cluster.
    """

    of: NDArray[np.int64]
    sizes: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sizes)

    @classmethod
    def numbered(cls, keys: Sequence[Hashable] | None, n: int) -> Clusters:
        """Give the keys of n values numbers; None makes each value a cluster of its own.

        Raises
        ------
        ValueError
            Where the keys are not as many as the values.
        """
        if keys is None:
            return cls(np.arange(n), np.ones(n))
        if len(keys) != n:
            raise ValueError(f"expected {n} clusters, one a value, found {len(keys)}")
        numbers: dict[Hashable, int] = {}
        of = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
        return cls(of, np.bincount(of).astype(np.float64))

    def where(self, mask: NDArray[np.bool_]) -> Clusters:
        """Return the clusters of the values under a mask (q,), those left empty gone."""
        of = np.unique(self.of[mask], return_inverse=True)[1].astype(np.int64)
        return Clusters(of, np.bincount(of).astype(np.float64))

    def sums(self, columns: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return each cluster's sums, float64 (c, s), of values (q, s).

        Raises
        ------
        ValueError
            Where there are no values or one is not finite.
        """
        if len(columns) == 0 or not np.isfinite(columns).all():
            raise ValueError(
                "expected one finite value a query or more, found none, NaN or infinity"
            )
        if len(columns) != len(self.of):
            raise ValueError(f"expected {len(columns)} clusters, found {len(self.of)}")
        found = np.empty((len(self), columns.shape[1]))
        for column in range(columns.shape[1]):
            found[:, column] = np.bincount(self.of, columns[:, column], len(self))
        return found


def bootstrap_intervals(
    sums: NDArray[np.float64],
    sizes: NDArray[np.float64],
    rng: np.random.Generator,
    n: int,
    level: float,
) -> NDArray[np.float64]:
    """Return the percentile interval of each column's mean (Efron, 1979), float64 (s, 2).

    Parameters
    ----------
    sums, sizes
        (c, s) and (c,): whole clusters are drawn, with replacement.
    """
    m = len(sums)
    means = np.empty((n, sums.shape[1]))
    for block in _blocks(n, m):
        rows = block.stop - block.start
        drawn = rng.integers(0, m, size=(rows, m), dtype=np.int32)
        drawn += np.arange(0, rows * m, m, dtype=np.int32)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * m).reshape(rows, m).astype(np.float64)
        means[block] = (times @ sums) / (times @ sizes)[:, None]
    return np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0).T


def sign_flip_p(sums: NDArray[np.float64], rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return the two-sided p-value of each column's sum being 0 (Fisher, 1935), float64 (s,).

    p is the share of n random assignments of signs to the rows (and the one found) whose sum is
    at least as far from 0.

    Parameters
    ----------
    sums
        (c, s), a row a cluster: a row has one sign in all columns.
    """
    sums = sums[(sums != 0).any(axis=1)]  # a sign changes nothing there
    total, m = sums.sum(axis=0), len(sums)
    # Equal sums of floats in another order may differ in the last bits.
    bar = np.abs(total) - 1e-9 * np.abs(sums).sum(axis=0)
    extreme = np.zeros(sums.shape[1], dtype=np.int64)
    for block in _blocks(n, m):
        rows = block.stop - block.start
        bits = np.frombuffer(rng.bytes(rows * ((m + 7) // 8)), dtype=np.uint8).reshape(rows, -1)
        positive = np.unpackbits(bits, axis=1, count=m).astype(np.float64) @ sums
        extreme += (np.abs(2 * positive - total) >= bar).sum(axis=0)
    return (extreme + 1) / (n + 1)


def _blocks(n: int, width: int) -> Iterator[slice]:
    step = max(_BLOCK // max(width, 1), 1)
    return (slice(start, min(start + step, n)) for start in range(0, n, step))
