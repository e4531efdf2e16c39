"""Rates drawn to those of the category, and a category's to those of the one above it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def category_rates(
    category: NDArray[np.int32], counted: Floats, due: Floats, prior: float, shrink: float
) -> Floats:
    """Return the rate of each item's deepest category, float64 (n,).

    From the top of the path down, ``(counted + shrink * r) / (due + shrink)`` of all items of a
    category, where r is the rate above it: a gamma-Poisson mean, so that a category of few counts
    keeps what its upper ones say.

    Parameters
    ----------
    category
        int32 (n, depth), see `Catalogue.category`.
    counted, due
        float64 (n,), what was counted of each item, and what a rate of 1 would give.
    prior
        The rate above all; an item without a category has it.
    shrink
        Weight of the rate above, in what is due.
    """
    rate = np.full(len(category), prior)
    for number in category.T:
        has = number >= 0
        of = number[has]
        sums = np.bincount(of, weights=counted[has], minlength=1)
        whole = np.bincount(of, weights=due[has], minlength=1)
        rate[has] = (sums[of] + shrink * rate[has]) / (whole[of] + shrink)
    return rate
