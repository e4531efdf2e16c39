"""Sums that fade: numbered rows of weights under several half-lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.state.copies import copied, paged

_DAY_MS = 86_400_000.0
_NOTHING = 1e-9
"""What is left of a sum after taking back, as a share of what was taken: rounding."""


class FadingSums:
    """Sums of weight * 2 ** -(age / half-life), one row a thing that is counted.

    Each row is kept as its value at its own latest time, so that neither a long log nor a short
    half-life overflows, and weights may come out of order. Rows never used take no memory.

    Parameters
    ----------
    half_lives_days
        The columns.
    """

    def __init__(self, half_lives_days: Sequence[float]) -> None:
        self._half_lives_days = tuple(half_lives_days)
        self._half_lives_ms = np.array(half_lives_days) * _DAY_MS
        self.value = np.zeros((0, len(half_lives_days)))
        """float64 (rows, half-lives), at each row's own time."""
        self.last_ms = np.zeros(0, dtype=np.int64)
        """int64 (rows,), the latest time of each row, 0 where it has none."""

    def __len__(self) -> int:
        return len(self.last_ms)

    def grow(self, size: int) -> None:
        """Have room for so many rows at least."""
        self.value = grown(self.value, size)
        self.last_ms = grown(self.last_ms, size)

    def add(
        self, row: NDArray[np.int64], weight: NDArray[np.float64], time_ms: NDArray[np.int64]
    ) -> None:
        """Add weights, float64 (n,), to rows, int64 (n,), of which one may be given often."""
        touched = np.unique(row) if len(row) > 1 else row
        before = self.last_ms[touched]
        np.maximum.at(self.last_ms, row, time_ms)
        self.value[touched] *= self._fade(self.last_ms[touched] - before)
        np.add.at(self.value, row, weight[:, None] * self._fade(self.last_ms[row] - time_ms))

    def take_back(
        self, row: NDArray[np.int64], weight: NDArray[np.float64], time_ms: NDArray[np.int64]
    ) -> None:
        """Subtract what `add` added; a row's latest time stays, and none falls below zero."""
        touched, place = np.unique(row, return_inverse=True)
        taken = np.zeros((len(touched), self.value.shape[1]))
        age = np.maximum(self.last_ms[row] - time_ms, 0)
        np.add.at(taken, place, weight[:, None] * self._fade(age))
        left = self.value[touched] - taken
        self.value[touched] = np.where(left > _NOTHING * taken, left, 0.0)

    def at(self, row: NDArray[np.int64], now_ms: int) -> NDArray[np.float64]:
        """Return the sums of rows at a moment, float64 (n, half-lives)."""
        sums = self.value.take(row, axis=0)
        sums *= self._fade(np.maximum(now_ms - self.last_ms.take(row), 0))
        return sums

    def strength(self, row: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what orders rows by their sum under the longest half-life, at whatever moment."""
        with np.errstate(divide="ignore"):
            strength: NDArray[np.float64] = np.log2(self.value[row, -1])
        strength += self.last_ms[row] / self._half_lives_ms[-1]
        return strength

    def move(self, row: NDArray[np.int64], place: NDArray[np.int64]) -> None:
        """Copy rows to places that were never used."""
        self.value[place] = self.value[row]
        self.last_ms[place] = self.last_ms[row]

    def placed(self, row: NDArray[np.int64], place: NDArray[np.int64], size: int) -> FadingSums:
        """Return new sums of so many rows, these at other places and no others."""
        other = FadingSums(self._half_lives_days)
        other.value = paged((size, self.value.shape[1]), np.float64)
        other.last_ms = paged((size,), np.int64)
        other.value[place] = self.value[row]
        other.last_ms[place] = self.last_ms[row]
        return other

    def arrays(self, rows: slice | NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return copies of some rows by name."""
        return {"value": copied(self.value, rows), "last_ms": copied(self.last_ms, rows)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Become the rows that `arrays` returned."""
        self.value, self.last_ms = arrays["value"], arrays["last_ms"]

    def _fade(self, age_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        faded: NDArray[np.float64] = np.exp2(-age_ms[:, None] / self._half_lives_ms)
        return faded


def grown(array: NDArray[Any], size: int, fill: float = 0) -> NDArray[Any]:
    """Return an array with so many rows at least, the new ones filled; half as many again."""
    if size <= len(array):
        return array
    rows = max(size, len(array) + len(array) // 2, 64)
    # Zeros are not written, so that rows which are never used are no memory.
    more = paged((rows, *array.shape[1:]), array.dtype)
    more[: len(array)] = array
    if fill:
        more[len(array) :] = fill
    return more
