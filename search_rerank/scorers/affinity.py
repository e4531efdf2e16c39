"""Attribute affinity: how much a history leans to a brand, category, price or colour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.news import How, News
from search_rerank.scorers.numbers import inside, profile
from search_rerank.scorers.updating import item_sums


@dataclass(frozen=True)
class Affinity(Fitted):
    """The sum, over an item's attributes, of the log of how much oftener the history has them.

    For the share s of an attribute's value in the history (of those of its items that have the
    attribute, decayed weights adding up to h) and its share b in the log, smoothed, an item gets
    ``ln((h * s + smoothing * b) / ((h + smoothing) * b))``: naive Bayes against all shoppers.
    Attributes are the brand, each level of the category path, the price band and the catalogue's
    common attributes such as colour. An item needs no events. NaN means that the item has none of
    the attributes, or the history none.
    """

    name: ClassVar[str] = "affinity"
    smoothing: float = 3.0
    """Weight of all shoppers' shares, in interactions."""
    bands: int = 8
    """Price bands, each with as many items."""
    decay: float = 0.9
    """Weight of a history's item against the one after it."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    values: NDArray[np.int32] = _fitted(np.int32, 0, 0)
    """int32 (n_items, attributes), numbers in `base`, -1 where the item has no value."""
    base: NDArray[np.float32] = _fitted(np.float32)
    """float32, each value's share among those of its attribute, above 0."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item has any of the attributes."""
    demand: NDArray[np.float64] = _fitted(np.float64)
    """float64 (n_items,), the strength of all that happened to each item."""

    def __post_init__(self) -> None:
        require(self.smoothing > 0, "affinity: smoothing", "above 0", self.smoothing)
        require(self.bands >= 1, "affinity: bands", "1 or more", self.bands)
        require(0 < self.decay <= 1, "affinity: decay", "above 0 and at most 1", self.decay)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Take the catalogue's attributes, and their shares from events before `now_ms`."""
        past = events.before(now_ms)
        weight = past.weights(dict(self.gains)).astype(np.float64)
        demand = np.bincount(past.item, weights=weight, minlength=len(catalogue))
        return self._learnt(demand.astype(np.float64), catalogue)

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with what is new added to the demand, exactly."""
        demand = item_sums(self.demand, news, self.gains, 0.0)
        return self._learnt(demand, news.catalogue), "updated"

    def _learnt(self, demand: NDArray[np.float64], catalogue: Catalogue) -> Self:
        levels = [catalogue.level(level) for level in range(catalogue.category.shape[1])]
        columns = [
            catalogue.brand,
            *levels,
            _banded(catalogue.price, self.bands),
            *catalogue.attributes.T,
        ]
        values = np.full((len(catalogue), len(columns)), -1, dtype=np.int32)
        bases: list[NDArray[np.float64]] = []
        first = 0
        for place, column in enumerate(columns):
            has = column >= 0
            found, number = np.unique(column[has], return_inverse=True)
            values[has, place] = first + number
            # An item counts a little without any demand, so that no value has a share of 0.
            mass = np.bincount(number, weights=demand[has] + 0.1, minlength=len(found))
            bases.append(mass / max(mass.sum(), 1e-12))
            first += len(found)
        base = np.concatenate(bases).astype(np.float32)
        known = np.any(values >= 0, axis=1)
        return replace(self, values=values, base=base, known=known, demand=demand)

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0 or not valid.any():
            return scores
        asked, seen = self.values[items[valid]], self.values[past]  # (n, a), (h, a)
        has = seen >= 0
        total = weight @ has  # (a,)
        mass = np.zeros(len(self.base), dtype=np.float64)
        np.add.at(mass, seen[has], np.broadcast_to(weight[:, None], seen.shape)[has])
        base = self.base[asked]
        lift = np.log((mass[asked] + self.smoothing * base) / ((total + self.smoothing) * base))
        scores[valid] = np.where(asked >= 0, lift, 0.0).sum(axis=1)
        return scores


def _banded(price: NDArray[np.float32], bands: int) -> NDArray[np.int32]:
    """Return the band of each price, int32 (n,), -1 where there is none."""
    has = ~np.isnan(price)
    if not has.any():
        return np.full(len(price), -1, dtype=np.int32)
    cuts = np.unique(np.quantile(price[has], np.linspace(0, 1, bands + 1)[1:-1]))
    return np.where(has, np.searchsorted(cuts, price, side="right"), -1).astype(np.int32)
