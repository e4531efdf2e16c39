"""Gains and weights for trees, where what was taken is not all worth the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.labels.propensity import Propensities

_LEVELS = 1000
"""Steps that gains are rounded to: a tree learner keeps a table of the gains that there are."""


@dataclass(frozen=True)
class Weighed:
    """What to learn from in place of the gains as they were clicked.

    Parameters
    ----------
    gains
        float32 (n,), in steps of a thousandth of the largest.
    weights
        float32 (n,), the same for all rows of a group.
    """

    gains: NDArray[np.float32]
    weights: NDArray[np.float32]


def inverse_propensities(
    gains: NDArray[np.float32],
    places: NDArray[np.int32],
    propensities: Propensities,
    clip: float,
) -> NDArray[np.float64]:
    """Return what the gain of each row is to be multiplied by, float64 (n,).

    A click shows that an item attracts and that its place was looked at. Over the chance of the
    latter its gain is, in the mean, what it would be if all places were looked at alike: inverse
    propensity scoring (Joachims et al., WSDM 2017; Wang et al., WSDM 2018).

    Parameters
    ----------
    gains
        float32 (n,), 0 for rows that were not taken.
    places
        int32 (n,), where each row was shown, -1 where nobody knows: it counts as the mean of those
        that were taken at a known place.
    clip
        No inverse propensity is larger.
    """
    inverse = np.minimum(1 / propensities.of(places), clip)
    unknown = ~np.isfinite(inverse)
    taken = (gains > 0) & ~unknown
    inverse[unknown] = inverse[taken].mean() if taken.any() else 1.0
    return inverse


def weigh(
    gains: NDArray[np.float32], factor: NDArray[np.floating], offsets: NDArray[np.int64]
) -> Weighed:
    """Return gains times a factor of each row, for LambdaMART.

    A tree learner moves a pair of rows by the difference of their gains over the best DCG that the
    group could have. Were only the gains changed, that quotient would take from a group of one
    click what it was given; were the clicked row's gradient multiplied instead, that of the row
    beside it would not be. So the gains are changed, and all rows of a group weigh the group's best
    DCG after over its best DCG before: every pair then counts by its clicked row's factor, as in
    the pairwise weights of Hu et al. (WWW 2019) without their bias of the row not clicked.

    Parameters
    ----------
    gains
        float32 (n,), 0 for rows that were not taken.
    factor
        (n,), 0 or more: an inverse propensity, what the item is worth to the shop, or both.
    offsets
        int64 (g + 1,), group j is the rows ``offsets[j]:offsets[j + 1]``.
    """
    after = stepped((gains * factor).astype(np.float32))
    best_after, best_before = (_best_dcg(of, offsets) for of in (after, gains))
    share = np.where(best_before > 0, best_after / np.where(best_before > 0, best_before, 1.0), 1.0)
    return Weighed(after, np.repeat(share, np.diff(offsets)).astype(np.float32))


def stepped(gains: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return gains rounded to thousandths of the largest, float32 (n,), none of them to 0."""
    step = float(gains.max(initial=0.0)) / _LEVELS
    if step == 0:
        return gains
    whole = np.where(gains > 0, np.maximum(np.round(gains / step), 1), 0)
    return (whole * step).astype(np.float32)


def _best_dcg(gains: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the DCG of each group in the order of its gains, float64 (g,)."""
    sizes = np.diff(offsets)
    group = np.repeat(np.arange(len(sizes)), sizes)
    ordered = gains[np.lexsort((-gains, group))]
    place = np.arange(len(gains)) - np.repeat(offsets[:-1], sizes)
    terms = ordered / np.log2(place + 2.0)
    return np.bincount(group, weights=terms, minlength=len(sizes)).astype(np.float64)
