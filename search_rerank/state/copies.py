"""Large arrays, and copies of them, in memory that goes back to the system when they are let go.

The allocator keeps what a thread frees for the next time, and once it has seen a large block freed
it keeps as much in every other thread's arena too: a process whose counters grow, or are copied now
and then, would hold the room of several copies for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def paged(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """Return zeros in pages of their own, to be filled."""
    size = prod(shape) * np.dtype(dtype).itemsize
    if not size:
        return np.zeros(shape, dtype)
    pages = mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS)  # a fork gets its own
    return np.ndarray(shape, dtype, buffer=pages)


def copied(array: NDArray[Any], rows: slice | NDArray[np.int64]) -> NDArray[Any]:
    """Return a copy of some rows, given by a slice or by their numbers."""
    if isinstance(rows, slice):
        view = array[rows]
        copy = paged(view.shape, view.dtype)
        copy[...] = view
        return copy
    copy = paged((len(rows), *array.shape[1:]), array.dtype)
    # Any mode but the default writes straight to where it belongs; the numbers are in range.
    return np.take(array, rows, axis=0, out=copy, mode="clip")
