"""Rows of different length that lie one after another, and where those of some items stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def spread(
    offsets: NDArray[np.int64], items: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every cell of some items' rows: the place in `items`, and where the cell stands.

    int64 (k,) twice. Item j has the cells ``offsets[j]:offsets[j + 1]``; one below 0, which the
    columns do not hold, has none.
    """
    start = offsets[items]
    size = np.where(items >= 0, offsets[items + 1] - start, 0)
    row = np.repeat(np.arange(len(items)), size)
    return row, np.repeat(start - (np.cumsum(size) - size), size) + np.arange(len(row))
