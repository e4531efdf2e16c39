"""Whether a higher score means a better chance: predicted score against what was taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTILES = (0.0, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
"""Edges of the buckets: finer towards the top, where the shopper looks."""
_Z95 = 1.959964


@dataclass(frozen=True)
class Bucket:
    """Candidates with scores near each other.

    Parameters
    ----------
    share
        Quantiles of the score between which they lie, `(low, high)`.
    scores
        Least and greatest score.
    rows, relevant
        How many there are, and how many of them were taken.
    ci95
        Of the share that was taken (Wilson, 1927), rows taken as independent.
    """

    share: tuple[float, float]
    scores: tuple[float, float]
    rows: int
    relevant: int
    ci95: tuple[float, float]

    @property
    def rate(self) -> float:
        """Share of the rows that was taken."""
        return self.relevant / self.rows


def calibration(
    scores: NDArray[np.floating], gains: NDArray[np.floating]
) -> tuple[list[Bucket], bool]:
    """Return buckets of candidates by score, and whether each is taken more than the one below.

    A ranker's score has no unit, so that it is no probability; but it should rise with the chance
    of being taken, across queries too where it is used for more than an order.

    Parameters
    ----------
    scores, gains
        (n,) each; NaN scores are left out, a row is relevant when its gain is above 0.

    Returns
    -------
    buckets : list of Bucket
        Lowest scores first, split at `QUANTILES`; equal scores are in one bucket.
    rising : bool
        Whether no bucket has a lower rate than the one before.
    """
    known = ~np.isnan(scores)
    scores, taken = np.asarray(scores[known], dtype=np.float64), gains[known] > 0
    if len(scores) == 0:
        return [], True
    edges = np.unique(np.quantile(scores, QUANTILES))
    which = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, max(len(edges) - 2, 0))
    buckets = []
    below = 0
    for n in np.unique(which).tolist():
        inside = which == n
        rows, relevant = int(inside.sum()), int(taken[inside].sum())
        share = (below / len(scores), (below + rows) / len(scores))
        bounds = (float(scores[inside].min()), float(scores[inside].max()))
        buckets.append(Bucket(share, bounds, rows, relevant, wilson(relevant, rows)))
        below += rows
    rates = [bucket.rate for bucket in buckets]
    return buckets, all(a <= b for a, b in zip(rates, rates[1:], strict=False))


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of n (Wilson, 1927); n above 0."""
    share, z2 = hits / n, _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))
