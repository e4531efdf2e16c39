"""What features read of every item, a row an item, and one more for what no catalogue holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

PRICE, LOG_PRICE, RATING, LOG_RATING_COUNT, TITLE_WORDS = range(5)
"""Columns of `ItemRows.numbers`."""
TOP, MID, BRAND, LEAF, DEPARTMENT = range(5)
"""Columns of `ItemRows.keys`."""


@dataclass(frozen=True)
class ItemRows:
    """Columns side by side, so that all of a candidate is read at once.

    The last row is that of -1, the number of an item that the catalogue does not hold.

    Parameters
    ----------
    numbers
        float32 (n + 1, 5), NaN where an item has none, and in the last row.
    keys
        int64 (n + 1, 5), brand, categories on three levels and department: each column has numbers
        of its own, from `none` on, so that sums by several of them are one.
    none
        int64 (5,), the key of those that have none, the lowest of each column.
    """

    numbers: NDArray[np.float32]
    keys: NDArray[np.int64]
    none: NDArray[np.int64]

    def leaf(self, items: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the deepest category of items, int64 (k,), 0 for none."""
        leaf: NDArray[np.int64] = self.keys.take(items, axis=0)[:, LEAF] - self.none[LEAF]
        return leaf

    @classmethod
    def of(cls, numbers: list[NDArray[np.float32]], keys: list[NDArray[np.int32]]) -> Self:
        """Put columns (n,) side by side, in the order of the constants above; keys -1 for none."""
        sizes = [int(column.max(initial=-1)) + 2 for column in keys]
        none = np.cumsum([0, *sizes[:-1]])
        return cls(
            numbers=np.vstack([np.stack(numbers, axis=1), np.full(len(numbers), np.nan, "f4")]),
            keys=np.vstack([np.stack(keys, axis=1) + 1, np.zeros(len(keys), "i8")]) + none,
            none=none,
        )
