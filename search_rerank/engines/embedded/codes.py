"""Unit vectors in 8 bits a number: which few of many the nearest are among."""

from __future__ import annotations

import numkong
import numpy as np
from numpy.typing import NDArray

_BLOCK = 1_024
"""Rows packed together: a change packs those of the last block anew."""
_LEVELS = 127
_ROUNDING = 1e-5
"""More than sums in float32 are off by."""
Coded = tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]


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
        known, packed = (_coded(rows[:0]), []) if before is None else before._known()
        starts = range(len(known[1]), len(rows), _BLOCK)
        new = (_coded(rows[start : start + _BLOCK]) for start in starts)
        codes, steps, errors = map(np.concatenate, zip(known, *new, strict=True))
        whole = len(codes) - len(codes) % _BLOCK
        self._whole = [*packed, *map(numkong.dots_pack, _blocks(codes[:whole]))]
        self._tail: NDArray[np.int8] = codes[whole:].copy()
        self._blocks = [*self._whole, *map(numkong.dots_pack, _blocks(self._tail))]
        self._steps: NDArray[np.float32] = steps
        self._errors: NDArray[np.float32] = errors
        self._longest = 1 + float(errors.max(initial=0.0))

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
        code, step, error = _coded(vector[None])
        products = [np.asarray(numkong.dots_packed(code, block))[0] for block in self._blocks]
        near = np.concatenate(products, dtype=np.float32, casting="same_kind")
        near *= step * self._steps
        near[barred] = -np.inf
        further = error * self._longest + _ROUNDING
        least = np.partition(near - self._errors, -k)[-k] - 2 * further
        found: NDArray[np.intp] = np.flatnonzero(near + self._errors >= least)
        return found

    def _known(self) -> tuple[Coded, list[numkong.PackedMatrix]]:
        """Return what is known of all rows, the codes only of those behind the packed blocks."""
        return (self._tail, self._steps, self._errors), self._whole


def _blocks(codes: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    return [codes[start : start + _BLOCK] for start in range(0, len(codes), _BLOCK)]


def _coded(rows: NDArray[np.float32]) -> Coded:
    """Return codes, what a step of each row is worth, and how far off each row is."""
    steps = np.abs(rows).max(axis=1, initial=0.0) / _LEVELS
    steps[steps == 0] = 1  # a place that was never written to
    codes = np.rint(rows / steps[:, None])
    off = rows - codes * steps[:, None]
    return codes.astype(np.int8), steps, np.sqrt(np.einsum("nd,nd->n", off, off))
