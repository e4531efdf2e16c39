"""Position bias from places that changed: the same item after the same query, higher and lower."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.labels.impressions import Counts


class Harvest:
    """All pairs of places of each cell, found once and counted under many weights.

    Parameters
    ----------
    counts
        Of all impressions.
    """

    def __init__(self, counts: Counts) -> None:
        sizes = np.bincount(counts.cell, minlength=counts.n_cells)
        ends = np.cumsum(sizes)
        # Only a click tells: pairs are led by an entry that has one.
        lead = np.flatnonzero((counts.clicks > 0) & (sizes[counts.cell] > 1))
        of = counts.cell[lead]
        many = sizes[of]
        self._lead = np.repeat(lead, many)
        within = np.arange(len(self._lead)) - np.repeat(np.cumsum(many) - many, many)
        self._other = np.repeat(ends[of] - many, many) + within
        apart = self._lead != self._other
        self._lead, self._other = self._lead[apart], self._other[apart]
        self._flat = counts.place[self._lead] * counts.n_places + counts.place[self._other]

    def wins(self, counts: Counts) -> NDArray[np.float64]:
        """Return the clicks at place k that pairs with place k' give, float64 (places, places).

        A cell shown n times at k and m times at k' gives its click rate at k with the weight
        ``n m / (n + m)``, which is the inverse of the rates' variance up to what both share.
        """
        n, m = counts.shown[self._lead], counts.shown[self._other]
        weight = np.divide(m, n + m, out=np.zeros_like(m), where=n + m > 0)
        found = np.bincount(
            self._flat,
            weights=weight * counts.clicks[self._lead],
            minlength=counts.n_places**2,
        )
        return found.reshape(counts.n_places, counts.n_places).astype(np.float64)


def all_pairs(
    wins: NDArray[np.float64],
    start: NDArray[np.float64] | None = None,
    iterations: int = 1000,
    tolerance: float = 1e-6,
) -> NDArray[np.float64]:
    """Return how much each place is looked at, as a share of the first that has evidence.

    Intervention harvesting by all pairs (Agarwal et al., WSDM 2019): of the clicks of one cell at
    places k and k', shown equally often, the share ``p[k] / (p[k] + p[k'])`` is at k, whatever the
    cell's attraction. That is the model of Bradley and Terry (1952), fitted by Hunter's (2004)
    steps. Agarwal et al. also count impressions without a click, which matters where click
    rates are high, and weigh by the rankers' shares of the traffic, which is not known here.

    Parameters
    ----------
    wins
        float64 (places, places), what `Harvest.wins` returned.
    start
        float64 (places,), where to begin; ones if left out.

    Returns
    -------
    NDArray
        float64 (places,), NaN for a place without a click in a pair.
    """
    won = wins.sum(axis=1)
    known = won > 0
    games = (wins + wins.T)[np.ix_(known, known)]
    won = won[known]
    found = np.full(len(wins), np.nan)
    if not known.any():
        return found
    strength = np.ones(len(won)) if start is None else np.nan_to_num(start[known], nan=1.0)
    for _ in range(iterations):
        new = won / (games / (strength[:, None] + strength)).sum(axis=1)
        new /= new[0]
        change = np.abs(new / strength - 1).max()
        strength = new
        if change < tolerance:
            break
    found[known] = strength
    return found
