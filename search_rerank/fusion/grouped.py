"""Ranks and scales within the groups of a table, without a loop over groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable


def ranks(table: FeatureTable, values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return each row's place within its group by descending value, 0 first, int64 (n,).

    Equal values are placed by engine rank; NaN comes last.
    """
    group = table.group
    order = np.lexsort((table.engine_rank, -values, group))  # lexsort puts NaN last
    placed = np.empty(len(values), dtype=np.int64)
    placed[order] = np.arange(len(values)) - table.offsets[group]
    return placed


def scaled(table: FeatureTable, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return values scaled to 0..1 within each group; NaN, and a group of equals, give 0."""
    if len(values) == 0:
        return values.astype(np.float32)
    starts, filled = _filled(table)
    missing = np.isnan(values)
    low = np.minimum.reduceat(np.where(missing, np.inf, values), starts)
    high = np.maximum.reduceat(np.where(missing, -np.inf, values), starts)
    low, high = np.repeat(low, filled), np.repeat(high, filled)
    span = high - low
    usable = ~missing & (span > 0)
    share = np.where(usable, (values - low) / np.where(usable, span, 1.0), 0.0)
    return share.astype(np.float32)


def standardised(table: FeatureTable, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return values less their group's mean, in its standard deviations (z-scores).

    NaN, and a group of equals, give 0: the mean, which is no opinion.
    """
    if len(values) == 0:
        return values.astype(np.float32)
    starts, filled = _filled(table)
    known = ~np.isnan(values)
    counts = np.maximum(np.add.reduceat(known.astype(np.float64), starts), 1.0)
    numbers = np.where(known, values, 0.0).astype(np.float64)
    mean = np.repeat(np.add.reduceat(numbers, starts) / counts, filled)
    off = np.where(known, numbers - mean, 0.0)
    deviation = np.repeat(np.sqrt(np.add.reduceat(off * off, starts) / counts), filled)
    # Rounding leaves a group of equals with a deviation that is not quite 0.
    usable = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-6)
    return np.where(usable, off / np.where(usable, deviation, 1.0), 0.0).astype(np.float32)


def ranked(table: FeatureTable, values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return places within each group as 1 for the highest value to 0 for the lowest.

    Equal values share the mean of their places; NaN, and a group of equals, give 0.
    """
    n = len(values)
    if n == 0:
        return values.astype(np.float32)
    starts, filled = _filled(table)
    group = table.group
    known = ~np.isnan(values)
    order = np.lexsort((values, group))  # ascending, NaN last
    ordered = np.where(known, values, np.inf)[order]
    new = np.ones(n, dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]) | (group[1:] != group[:-1])
    first = np.flatnonzero(new)
    ends = np.append(first[1:], n)
    run = np.cumsum(new) - 1
    middle = np.empty(n)
    middle[order] = (first[run] + ends[run] - 1) / 2 - table.offsets[group]
    most = np.repeat(np.add.reduceat(known.astype(np.int64), starts), filled) - 1
    spread = np.repeat(
        np.maximum.reduceat(np.where(known, values, -np.inf), starts)
        > np.minimum.reduceat(np.where(known, values, np.inf), starts),
        filled,
    )
    return np.where(known & spread, middle / np.maximum(most, 1), 0.0).astype(np.float32)


Scale = Callable[[FeatureTable, NDArray[np.floating]], NDArray[np.float32]]
SCALES: Mapping[str, Scale] = {"min_max": scaled, "z_score": standardised, "rank": ranked}
"""How a column is made comparable with others, within its group."""


def _filled(table: FeatureTable) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first row and size of each group that has rows."""
    sizes = table.sizes
    return table.offsets[:-1][sizes > 0], sizes[sizes > 0]
