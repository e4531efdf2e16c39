"""Cross-category: what goes with what a shopper has, by categories and brands had together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.numbers import faded, inside, profile
from search_rerank.scorers.paths import departments, paths_of
from search_rerank.scorers.together import (
    Edges,
    Lifts,
    Pairs,
    beyond,
    counts,
    kept,
    lifts,
    mean_lift,
    pairs,
)

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class CrossCategory(Fitted):
    """How far above chance an item's category and brand follow those of the history.

    ``ln(mean lift of the categories) + brands * ln(mean lift of the brands) + popularity * w``:
    the lifts, see `together`, lead from each of the history's items (decayed, weighted) to the
    candidate, and their mean is what a mixture of the items' followers gives over chance. 0 is
    chance. w, from 0 to 1, is the demand for the item against the most wanted of its category, so
    that items of one category are told apart.

    An item of the same category (the deepest of the path) replaces more than it goes with: its
    lift counts to the power `same_category`, which with the default of 0 is chance. Brands are
    learnt from pairs across categories, and chance for them is what those categories explain.
    An item needs no events; NaN means that it has neither category nor brand, or that no item of
    the history has.
    """

    name: ClassVar[str] = "cross_category"
    window: int = 10
    """Distance in an actor's sequence up to which two interactions are a pair."""
    basket_hours: float = 24.0
    """Interactions so close are of one basket, as are those of one session."""
    backward: float = 0.5
    """Weight of a pair in the reverse direction, where it is not of one basket."""
    same_category: float = 0.0
    """Power of the lift of a category to itself; with 0 it counts as chance."""
    shrink: float = 5.0
    """Weight of the upper levels' lift, in pairs due by chance."""
    brands: float = 0.1
    """Weight of the brands' lift against the categories'."""
    popularity: float = 0.3
    """Weight of the demand for an item within its category."""
    demand: float = 0.7
    """Power of a category's share of demand in `complements`."""
    edges: int = 500
    """Edges kept of each category and brand, those of the largest lift."""
    half_life_days: float = 60.0
    """After so many days an interaction of the log counts half; 0 counts all alike."""
    decay: float = 0.8
    """Weight of a history's item against the one after it."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item has a category or a brand."""
    categories: NDArray[np.int32] = _fitted(np.int32)
    """int32 (c,), the catalogue's numbers of the categories that are the deepest of an item."""
    category: NDArray[np.int32] = _fitted(np.int32)
    """int32 (n_items,), place of the item's deepest in `categories`, -1 where none."""
    brand: NDArray[np.int32] = _fitted(np.int32)
    """int32 (n_items,), -1 where none."""
    wanted: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), demand against the largest of the category, 0 to 1, by logarithms."""
    department: NDArray[np.int32] = _fitted(np.int32)
    """int32 (c,), category of the level at which the catalogue parts first."""
    share: NDArray[np.float32] = _fitted(np.float32)
    """float32 (c,), share of all demand on items of the category."""
    category_starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (c + 1,), this and the next three as in `Edges`."""
    category_to: NDArray[np.int32] = _fitted(np.int32)
    category_lift: NDArray[np.float32] = _fitted(np.float32)
    category_rest: NDArray[np.float32] = _fitted(np.float32)
    brand_starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (n_brands + 1,), this and the next three as in `Edges`."""
    brand_to: NDArray[np.int32] = _fitted(np.int32)
    brand_lift: NDArray[np.float32] = _fitted(np.float32)
    brand_rest: NDArray[np.float32] = _fitted(np.float32)

    def __post_init__(self) -> None:
        for option in ("window", "edges"):
            value = getattr(self, option)
            require(value >= 1, f"{self.name}: {option}", "1 or more", value)
        for option in (
            "basket_hours",
            "backward",
            "same_category",
            "brands",
            "popularity",
            "demand",
        ):
            value = getattr(self, option)
            require(value >= 0, f"{self.name}: {option}", "0 or more", value)
        require(self.shrink > 0, f"{self.name}: shrink", "above 0", self.shrink)
        half_life = self.half_life_days
        require(half_life >= 0, f"{self.name}: half_life_days", "0 or more", half_life)
        require(0 < self.decay <= 1, f"{self.name}: decay", "above 0 and at most 1", self.decay)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        past = events.before(now_ms)
        weight = past.weights(dict(self.gains))
        if self.half_life_days > 0:
            weight = weight * faded(past, now_ms, self.half_life_days)
        leaf = catalogue.leaf
        categories = np.unique(leaf[leaf >= 0])
        category = np.where(leaf >= 0, np.searchsorted(categories, leaf), -1).astype(np.int32)
        n, paths = len(categories), paths_of(catalogue)[categories]
        levels = [np.append(paths[:, depth], -1)[category] for depth in range(paths.shape[1])]
        sizes = [len(catalogue.categories)] * len(levels)
        found = counts(self._pairs(past, weight), levels, sizes)
        by_category = kept(self._own(lifts(found, paths, self.shrink)), n, self.edges)
        places = np.column_stack([category, catalogue.brand])
        cells, number = np.unique(places, axis=0, return_inverse=True)
        cell = number.ravel().astype(np.int32)
        apart = counts(_across(self._pairs(past, weight), category), [cell], [len(cells)])
        by_brand = beyond(
            apart[0],
            cells[:, 0],
            cells[:, 1],
            len(catalogue.brands),
            shrink=self.shrink,
            keep=self.edges,
        )
        demand = np.bincount(past.item, weight, len(catalogue)).astype(np.float64)
        return replace(
            self,
            known=(category >= 0) | (catalogue.brand >= 0),
            categories=categories,
            category=category,
            brand=catalogue.brand,
            wanted=_against_best(demand, category, n),
            department=departments(paths),
            share=_shares(demand, category, n),
            category_starts=by_category.starts,
            category_to=by_category.to,
            category_lift=by_category.lift,
            category_rest=by_category.rest,
            brand_starts=by_brand.starts,
            brand_to=by_brand.to,
            brand_lift=by_brand.lift,
            brand_rest=by_brand.rest,
        )

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        seen, weight = profile(history, self.known, self.decay)
        if len(seen) == 0 or not valid.any():
            return scores
        asked = items[valid]
        by_category = mean_lift(self._category_edges(), self.category[seen], weight)
        by_brand = mean_lift(self._brand_edges(), self.brand[seen], weight)
        scores[valid] = (
            np.log(by_category[self.category[asked]])
            + self.brands * np.log(by_brand[self.brand[asked]])
            + self.popularity * self.wanted[asked]
        )
        return scores

    def complements(
        self, history: History, n: int, *, outside: bool = True
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the categories that go best with a history, and how well, best first.

        Only deepest categories of the catalogue's paths that the history does not hold.

        Parameters
        ----------
        n
            How many at most.
        outside
            Only those of other departments than the history's.

        Returns
        -------
        tuple
            int32 (m,), numbers in the catalogue's `categories`; float32 (m,), ``ln(mean lift) +
            demand * ln(share of demand)``. Both empty where the history has no
            item with a category.
        """
        seen, weight = profile(history, self.known, self.decay)
        had = self.category[seen]
        seen, weight, had = seen[had >= 0], weight[had >= 0], had[had >= 0]
        if len(seen) == 0:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        lift = mean_lift(self._category_edges(), had, weight)
        allowed = np.ones(len(self.categories), dtype=bool)
        allowed[had] = False
        if outside:
            allowed &= ~np.isin(self.department, self.department[had])
        found = np.flatnonzero(allowed).astype(np.int32)
        score = np.log(lift[found]) + self.demand * np.log(self.share[found])
        best = np.lexsort((found, -score))[:n]
        return self.categories[found[best]], score[best].astype(np.float32)

    def _pairs(self, past: Events, weight: NDArray[np.float32]) -> Iterator[Pairs]:
        return pairs(
            past,
            weight,
            window=self.window,
            basket_ms=round(self.basket_hours * _HOUR_MS),
            backward=self.backward,
        )

    def _own(self, blocks: Iterable[Lifts]) -> Iterator[Lifts]:
        """Weaken the lift of each category to itself."""
        for start, lift in blocks:
            rows = np.arange(len(lift))
            lift[rows, start + rows] **= self.same_category
            yield start, lift

    def _category_edges(self) -> Edges:
        return Edges(self.category_starts, self.category_to, self.category_lift, self.category_rest)

    def _brand_edges(self) -> Edges:
        return Edges(self.brand_starts, self.brand_to, self.brand_lift, self.brand_rest)


def _across(found: Iterable[Pairs], category: NDArray[np.int32]) -> Iterator[Pairs]:
    """Leave out the pairs of one category."""
    for first, second, mass in found:
        apart = (category[first] != category[second]) | (category[first] < 0)
        yield first[apart], second[apart], mass[apart]


def _against_best(
    demand: NDArray[np.float64], category: NDArray[np.int32], n: int
) -> NDArray[np.float32]:
    """Return each item's demand against the largest of its category, by logarithms of 1 + it.

    0 where the category has no demand, and for items without one.
    """
    best = np.zeros(n + 1)
    np.maximum.at(best, category, demand)
    best[n] = 0.0
    against = np.log1p(demand) / np.maximum(np.log1p(best[category]), 1e-12)
    return np.where(best[category] > 0, against, 0.0).astype(np.float32)


def _shares(
    demand: NDArray[np.float64], category: NDArray[np.int32], n: int
) -> NDArray[np.float32]:
    """Return each category's share of demand, one interaction added for each that has items."""
    has = category >= 0
    total = np.bincount(category[has], weights=demand[has], minlength=n).astype(np.float64)
    total[category[has]] += 1.0
    return np.asarray(total / max(total.sum(), 1e-12), "f4")
