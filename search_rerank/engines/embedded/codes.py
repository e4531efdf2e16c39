"""Unit vectors in 8 bits a number: which few of many the nearest are among."""

from __future__ import annotations

import numkong
import numpy as np
from numpy.typing import NDArray

_CHUNK = 1_024
_LEVELS = 127
_ROUNDING = 1e-5
"""More than sums in float32 are off by."""


class Codes:
    """Bounds every cosine by a quarter of the bytes.

    Where codes x' and q' stand for x and q, x q and x' q' differ by at most
    |x - x'| |q| + |x'| |q - q'| (Cauchy and Schwarz).

    Parameters
    ----------
    rows
        float32 (n, d), unit length.
    before
        The codes of the first of these rows.
    """

    def __init__(self, rows: NDArray[np.float32], before: Codes | None = None) -> None:
        self._n, dim = rows.shape
        known = 0 if before is None else before._n
        self._codes: NDArray[np.int8]
        self._steps: NDArray[np.float32]
        self._errors: NDArray[np.float32]
        if before is not None and self._n <= len(before._codes):
            self._codes, self._steps = before._codes, before._steps
            self._errors = before._errors
        else:
            room = self._n + self._n // 8  # so that the next few changes copy nothing
            self._codes = np.empty((room, dim), dtype=np.int8)
            self._steps, self._errors = np.empty((2, room), dtype=np.float32)
            if before is not None:
                self._codes[:known] = before._codes[:known]
                self._steps[:known] = before._steps[:known]
                self._errors[:known] = before._errors[:known]
        for start in range(known, self._n, _CHUNK):
            part = slice(start, min(start + _CHUNK, self._n))
            self._codes[part], self._steps[part], self._errors[part] = _coded(rows[part])
        self._longest = 1 + float(self._errors[: self._n].max(initial=0.0))

    def contenders(
        self, vector: NDArray[np.float32], k: int, barred: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Return which rows may be among the k nearest to a unit vector.

        Parameters
        ----------
        vector
            float32 (d,).
        barred
            Rows that are left out; more than k are not.

        Returns
        -------
        found
            intp, ascending.
        """
        n = self._n
        code, step, error = _coded(vector[None])
        products = np.asarray(numkong.cdist(code, self._codes[:n], "dot", out_dtype="float32"))
        near = products[0] * (step * self._steps[:n])
        near[barred] = -np.inf
        errors = self._errors[:n]
        further = error * self._longest + _ROUNDING
        least = np.partition(near - errors, -k)[-k] - 2 * further
        found: NDArray[np.intp] = np.flatnonzero(near + errors >= least)
        return found


def _coded(
    rows: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]:
    """Return codes, what a step of each row is worth, and how far off each row is."""
    steps = np.abs(rows).max(axis=1) / _LEVELS
    codes = np.rint(rows / steps[:, None])
    off = rows - codes * steps[:, None]
    return codes.astype(np.int8), steps, np.sqrt(np.einsum("nd,nd->n", off, off))
