"""The position-based model, fitted by expectation maximisation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.labels.impressions import Counts

_PRIOR = 2.0
"""Clicks as expected that each query and item has before its own are counted."""


def fit_pbm(
    counts: Counts,
    start: NDArray[np.float64] | None = None,
    regression: bool = False,
    iterations: int = 200,
    tolerance: float = 1e-4,
) -> NDArray[np.float64]:
    """Return how much more or less each place is looked at than the first that has clicks.

    A click needs an item that attracts and a place that is looked at: clicks of a cell at place k
    are a Poisson variable of mean ``shown x attraction x propensity[k]``. As in the model of
    Craswell et al. (WSDM 2008) and its fit by Wang et al. (WSDM 2018), attractions that nobody saw
    are the hidden part. Attractions and propensities are set in turn to where the likelihood of
    what was seen is highest given the other (ECME: Liu and Rubin, 1994).

    The Poisson form is where this differs from Wang et al.: with a Bernoulli attraction for each of
    many cells that were shown a few times, places look ever more alike; here the propensities are
    those of the conditional likelihood given each cell's clicks, which has no such bias.

    Parameters
    ----------
    counts
        Of impressions and clicks.
    start
        float64 (n_places,), where to begin; ones if left out.
    regression
        Whether a cell's attraction is that of its item times that of its query, for logs in which
        hardly any cell is shown at two places (a regression in place of a free number for each
        cell); smoothed towards the mean. What the product does not tell goes to the places.
    iterations, tolerance
        At most so many rounds; fewer where no propensity changes by more than this share.

    Returns
    -------
    NDArray
        float64 (n_places,), NaN for places without a click.
    """
    clicks = counts.by_cell(counts.clicks)
    # A cell without clicks says nothing of places where each cell has an attraction of its own.
    useful = np.ones(len(counts.cell), bool) if regression else clicks[counts.cell] > 0
    cell, place, shown = counts.cell[useful], counts.place[useful], counts.shown[useful]
    of_place = counts.by_place(counts.clicks)
    known = of_place > 0
    propensity = np.where(known, 1.0 if start is None else start, 0.0)
    product = _Product(counts, clicks) if regression else None
    for _ in range(iterations):
        due = np.bincount(cell, weights=shown * propensity[place], minlength=counts.n_cells)
        if product is not None:
            attraction = product.fit(due.astype(np.float64))
        else:
            attraction = np.divide(clicks, due, out=np.zeros_like(due), where=due > 0)
        expected = np.bincount(place, weights=shown * attraction[cell], minlength=counts.n_places)
        new = np.divide(of_place, expected, out=np.zeros_like(expected), where=expected > 0)
        new = np.divide(new, new[known][0]) if known.any() else new
        change = np.abs(new[known] / propensity[known] - 1).max(initial=0.0)
        propensity = new
        if change < tolerance:
            break
    return np.where(known, propensity, np.nan)


class _Product:
    """Attractions that are an item's times a query's, one round of fitting at a time."""

    def __init__(self, counts: Counts, clicks: NDArray[np.float64]) -> None:
        _, self._item = np.unique(counts.item, return_inverse=True)
        _, self._query = np.unique(counts.query, return_inverse=True)
        self._item_clicks = np.bincount(self._item, weights=clicks)
        self._query_clicks = np.bincount(self._query, weights=clicks)
        self._of_query = np.ones(len(self._query_clicks))

    def fit(self, due: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each cell's attraction given its impressions times propensities, float64 (c,)."""
        base = np.bincount(self._item, weights=due * self._of_query[self._query])
        mean = self._item_clicks.sum() / max(float(base.sum()), 1e-12)
        of_item = mean * (self._item_clicks + _PRIOR) / (mean * base + _PRIOR)
        base = np.bincount(self._query, weights=due * of_item[self._item])
        self._of_query = (self._query_clicks + _PRIOR) / (base + _PRIOR)
        return np.asarray(of_item[self._item] * self._of_query[self._query])
