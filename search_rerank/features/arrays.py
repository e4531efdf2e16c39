"""Small array helpers that several feature groups share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float32]
DAY_MS = 86_400_000.0


def constant(value: float, n: int) -> Column:
    """Return a column that is the same for every candidate."""
    return np.full(n, value, dtype=np.float32)


def ratio(numerator: Column, denominator: Column) -> Column:
    """Return numerator / denominator, 0 where the denominator is 0."""
    safe = np.where(denominator > 0, denominator, 1)
    return np.where(denominator > 0, numerator / safe, 0).astype(np.float32)


def of_best(values: Column) -> Column:
    """Return values as a share of the largest among the candidates, 0 where none is positive."""
    best = np.nanmax(values, initial=0.0)
    return (values / best if best > 0 else np.zeros_like(values)).astype(np.float32)


def place(values: Column) -> Column:
    """Return each value's place among the candidates, 1 for the highest, 0 for the lowest.

    Equal values share a place; NaN stays NaN.
    """
    ascending = np.sort(values)  # NaN last
    n = len(values) - int(np.isnan(ascending).sum())
    if n == 0:
        return values.astype(np.float32)
    known = ascending[:n]
    middle = known.searchsorted(values, "left") + known.searchsorted(values, "right")
    shares = ((middle - 1) / max(2 * n - 2, 1)).astype(np.float32)
    if n < len(values):
        shares[np.isnan(values)] = np.nan
    return shares


def sums_by(values: Column, keys: NDArray[np.int32]) -> Column:
    """Return for each row the sum of the values of all rows with its key.

    Parameters
    ----------
    values
        float32 (n,).
    keys
        int32 (n,), a brand or a category; NaN is returned for those below 0.
    """
    has = keys >= 0
    sums = np.bincount(keys[has], weights=values[has], minlength=1)
    return np.where(has, sums[np.where(has, keys, 0)], np.nan).astype(np.float32)


def days(milliseconds: NDArray[np.int64] | NDArray[np.float64]) -> Column:
    """Return milliseconds as days."""
    return (milliseconds / DAY_MS).astype(np.float32)


def share_of(weights: Column, seen: NDArray[np.int32], asked: NDArray[np.int32]) -> Column:
    """Return the share of a history's weight that lies on each asked value.

    Parameters
    ----------
    weights
        float32 (h,), weight of each interaction of the history.
    seen
        int32 (h,), its value (a brand, a category), below 0 where it has none.
    asked
        int32 (n,), the candidates' values; NaN is returned for those below 0.

    Returns
    -------
    Column
        float32 (n,), 0 for a value the history does not have; NaN for all if it has no value.
    """
    has = seen >= 0
    total = weights[has].sum()
    if total <= 0:
        return constant(np.nan, len(asked))
    size = int(max(seen.max(), asked.max(initial=0))) + 1
    sums = np.bincount(seen[has], weights=weights[has], minlength=size)
    return np.where(asked >= 0, sums[asked] / total, np.nan).astype(np.float32)
