"""Ranks and scales within the groups of a table, without a loop over groups."""

from __future__ import annotations

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
    sizes = table.sizes
    starts = table.offsets[:-1][sizes > 0]
    missing = np.isnan(values)
    low = np.minimum.reduceat(np.where(missing, np.inf, values), starts)
    high = np.maximum.reduceat(np.where(missing, -np.inf, values), starts)
    filled = sizes[sizes > 0]
    low, high = np.repeat(low, filled), np.repeat(high, filled)
    span = high - low
    usable = ~missing & (span > 0)
    share = np.where(usable, (values - low) / np.where(usable, span, 1.0), 0.0)
    return share.astype(np.float32)
