"""Interactions as columns of numbers, in which counters take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.state.numbered import ItemNumbers


class Columns(NamedTuple):
    """What was done with which items and when.

    Parameters
    ----------
    item
        int64 (n,), numbers.
    weight
        float64 (n,), the gain of each type; 0 where it has none.
    time_ms
        int64 (n,).
    """

    item: NDArray[np.int64]
    weight: NDArray[np.float64]
    time_ms: NDArray[np.int64]

    @classmethod
    def of(
        cls, rows: Iterable[Sequence[Any]], items: ItemNumbers, gains: Mapping[str, float]
    ) -> Self:
        """Return rows that begin with item, type and time_ms; new items get a number."""
        item, type_, time_ms, *_ = tuple(zip(*rows, strict=True)) or ((), (), ())
        n = len(item)
        weight = np.fromiter((gains.get(one, 0.0) for one in type_), np.float64, n)
        return cls(items.add_all(item), weight, np.fromiter(time_ms, np.int64, n))

    def part(self, kept: NDArray[np.int64] | slice) -> Self:
        """Return some of the rows."""
        return type(self)(self.item[kept], self.weight[kept], self.time_ms[kept])
