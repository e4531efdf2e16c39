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
    start = offsets.take(items)
    size = offsets.take(items + 1) - start
    size[items < 0] = 0
    end = size.cumsum()
    row = np.arange(len(items)).repeat(size)
    return row, (start - end + size).repeat(size) + np.arange(len(row))
