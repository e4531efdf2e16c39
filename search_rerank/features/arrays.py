"""Small array helpers that several feature groups share: over the last axis, so of many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float32]
DAY_MS = 86_400_000.0


@dataclass(frozen=True)
class Placed:
    """A column that is the places of values among the candidates: all of a table are told at once.

    Parameters
    ----------
    values
        float32 (n,).
    """

    values: Column


Columns = Mapping[str, Column | Placed]
"""Named columns (n,) of a feature group."""


def constant(value: float, n: int) -> Column:
    """Return a column that is the same for every candidate."""
    column = np.empty(n, dtype=np.float32)
    column.fill(value)
    return column


def by_row(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return counters (n, ...) with the candidates last, (..., n): each counter is a column."""
    return np.ascontiguousarray(counts.transpose(*range(1, counts.ndim), 0))


def ratio(numerator: Column, denominator: Column) -> Column:
    """Return numerator / denominator, 0 where the denominator is not above 0."""
    zeros = np.zeros_like(numerator)
    return np.divide(numerator, denominator, out=zeros, where=denominator > 0)


def of_best(values: Column) -> Column:
    """Return values (..., n) as a share of the largest among the candidates, 0 without any."""
    best = np.fmax.reduce(values, axis=-1, initial=0.0, keepdims=True)
    return np.divide(values, best, out=np.zeros_like(values), where=best > 0)


def places(values: Column) -> Column:
    """Return the place of each value (k, n) in its row, 1 for the highest, 0 for the lowest.

    Equal values share a place; NaN stays NaN.
    """
    k, n = values.shape
    first = np.arange(k)[:, None] * n
    order = values.argsort(axis=1)  # NaN last
    order += first
    ascending = values.take(order)
    one_row = ascending.reshape(-1)
    edges = np.empty(k * n + 1, dtype=np.bool_)  # of runs of equal values
    np.not_equal(one_row[1:], one_row[:-1], out=edges[1:-1])
    edges[:: max(n, 1)] = True
    edge = edges.nonzero()[0]
    begin, end = edge[:-1], edge[1:]
    middle = (begin + end).repeat(end - begin).reshape(k, n)
    middle -= 2 * first + 1
    unknown = np.isnan(ascending)
    known = n - np.add.reduce(unknown, axis=1, keepdims=True, dtype=np.int64)
    shares = middle / np.maximum(2 * known - 2, 1)
    shares[unknown] = np.nan
    found = np.empty((k, n), dtype=np.float32)
    found.put(order, shares)
    return found


def sums_by(values: Column, keys: NDArray[np.int64]) -> Column:
    """Return for each row the sum of the values of all rows with its key.

    Parameters
    ----------
    values
        float32 (n,).
    keys
        int64 (n,), 0 for none, whose sum is NaN.
    """
    sums = np.bincount(keys, weights=values)
    return np.where(keys > 0, sums[keys], np.nan).astype(np.float32)


def days(milliseconds: NDArray[np.int64] | NDArray[np.float64]) -> Column:
    """Return milliseconds as days."""
    return (milliseconds / DAY_MS).astype(np.float32)


def shares_of(
    weights: Column, seen: NDArray[np.int64], asked: NDArray[np.int64], none: NDArray[np.int64]
) -> Column:
    """Return the shares of a history's weight that lie on the keys of each candidate.

    Parameters
    ----------
    weights
        float32 (h,), weight of each interaction of the history.
    seen, asked
        int64 (h, k) and (n, k), keys of the history's items and of the candidates; each of the k
        columns has numbers of its own.
    none
        int64 (k,), the number of each column for an item that has no key.

    Returns
    -------
    Column
        float32 (k, n), 0 for a key the history does not have; NaN for `none`, and for all of a
        column in which the history has no weight.
    """
    total = np.multiply(seen.T != none[:, None], weights, order="C").sum(axis=1, keepdims=True)
    total[total <= 0] = np.nan
    if np.isnan(total).all():
        return np.full((len(none), len(asked)), np.nan, dtype=np.float32)
    size = max(int(seen.max()), int(asked.max(initial=0))) + 1
    sums = np.bincount(seen.ravel(), weights=weights.repeat(len(none)), minlength=size)
    sums[none] = np.nan
    shares: Column = (sums.take(asked.T) / total).astype(np.float32)
    return shares
