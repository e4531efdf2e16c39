"""Cross-category: what goes with what a shopper has, by categories and brands had together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.neighbours import ranges
from search_rerank.scorers.numbers import faded, inside, profile
from search_rerank.scorers.together import Edges, Pairs, counts, lifts, pairs, strongest

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class CrossCategory(Fitted):
    """How far above chance an item's category and brand follow those of the history.

    The score is the mean over the history's items (decayed, weighted) of the edge from their
    category to the candidate's, plus `brands` times that from their brand to its brand, plus
    `popularity` times the item's demand against the most wanted item of its category, so that
    items of one category are told apart. An edge is the logarithm of a shrunken lift of pairs in
    baskets and sequences, see `together`; lifts below 1 are edges of 0, as those of few counts say
    little (positive PMI, Levy, Goldberg and Dagan, 2015).

    Pairs within one category (the deepest of the path) tell what replaces, not what goes with:
    they count `same_category` times, and with the default of 0 a candidate gets nothing from a
    history's item of its own category but by its brand. An item needs no events; NaN means that
    it has neither category nor brand, or that no item of the history has.
    """

    name: ClassVar[str] = "cross_category"
    window: int = 10
    """Distance in an actor's sequence up to which two interactions are a pair."""
    basket_hours: float = 24.0
    """Interactions so close are of one basket, as are those of one session."""
    backward: float = 0.5
    """Weight of a pair in the reverse direction, where it is not of one basket."""
    same_category: float = 0.0
    """Weight of a pair within one category."""
    shrink: float = 5.0
    """Weight of the upper levels' lift, in pairs due by chance."""
    brands: float = 0.5
    """Weight of the brands' edges against the categories'."""
    popularity: float = 0.1
    """Weight of the demand for an item within its category."""
    edges: int = 100
    """Edges kept of each category and brand."""
    half_life_days: float = 180.0
    """After so many days an interaction of the log counts half; 0 counts all alike."""
    decay: float = 0.9
    """Weight of a history's item against the one after it."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item has a category or a brand."""
    category: NDArray[np.int32] = _fitted(np.int32)
    """int32 (n_items,), the deepest of the path, -1 where none."""
    brand: NDArray[np.int32] = _fitted(np.int32)
    """int32 (n_items,), -1 where none."""
    wanted: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), demand against the largest of the category, 0 to 1, by logarithms."""
    department: NDArray[np.int32] = _fitted(np.int32)
    """int32 (n_categories,), category of the level at which the catalogue parts first."""
    demand: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_categories,), share of all demand on items of this deepest category."""
    category_starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (n_categories + 1,), see `Edges`."""
    category_to: NDArray[np.int32] = _fitted(np.int32)
    category_edge: NDArray[np.float32] = _fitted(np.float32)
    brand_starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (n_brands + 1,), see `Edges`."""
    brand_to: NDArray[np.int32] = _fitted(np.int32)
    brand_edge: NDArray[np.float32] = _fitted(np.float32)

    def __post_init__(self) -> None:
        for option in ("window", "edges"):
            value = getattr(self, option)
            require(value >= 1, f"{self.name}: {option}", "1 or more", value)
        for option in ("basket_hours", "backward", "same_category", "brands", "popularity"):
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
        category, brand = catalogue.leaf, catalogue.brand
        n, n_brands = len(catalogue.categories), len(catalogue.brands)
        paths = _paths(catalogue)
        found = counts(
            self._pairs(past, weight, category),
            [*(np.append(paths[:, level], -1)[category] for level in range(paths.shape[1])), brand],
            [*[n] * paths.shape[1], n_brands],
        )
        own = self.same_category > 0
        alone = np.arange(n_brands, dtype=np.int32)[:, None]
        by_category = strongest(lifts(found[:-1], paths, self.shrink), n, self.edges, own)
        by_brand = strongest(lifts(found[-1:], alone, self.shrink), n_brands, self.edges, True)
        demand = np.bincount(past.item, weight, len(catalogue)).astype(np.float64)
        return replace(
            self,
            known=(category >= 0) | (brand >= 0),
            category=category,
            brand=brand,
            wanted=_against_best(demand, category, n),
            department=_departments(catalogue),
            demand=_shares(demand, category, n),
            category_starts=by_category.starts,
            category_to=by_category.to,
            category_edge=by_category.strength,
            brand_starts=by_brand.starts,
            brand_to=by_brand.to,
            brand_edge=by_brand.strength,
        )

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        seen, weight = profile(history, self.known, self.decay)
        if len(seen) == 0 or not valid.any():
            return scores
        asked = items[valid]
        by_category = _mean(self._edges("category"), self.category[seen], weight)
        by_brand = _mean(self._edges("brand"), self.brand[seen], weight)
        scores[valid] = (
            by_category[self.category[asked]]
            + self.brands * by_brand[self.brand[asked]]
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
            int32 (m,), numbers in the catalogue's `categories`; float32 (m,), the mean edge plus
            the logarithm of the category's share of demand. Both empty where the history has no
            item with a category.
        """
        seen, weight = profile(history, self.known, self.decay)
        had = self.category[seen]
        seen, weight, had = seen[had >= 0], weight[had >= 0], had[had >= 0]
        if len(seen) == 0:
            return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32)
        edge = _mean(self._edges("category"), had, weight)[:-1]
        allowed = self.demand > 0
        allowed[had] = False
        if outside:
            allowed &= ~np.isin(self.department, self.department[had])
        found = np.flatnonzero(allowed).astype(np.int32)
        score = edge[found] + np.log(self.demand[found])
        best = np.lexsort((found, -score))[:n]
        return found[best], score[best].astype(np.float32)

    def outside(self, history: History, items: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which items lie in no department of the history, bool (n,).

        False where an item has no category; where no item of the history has one, every other is
        outside.
        """
        seen, _ = profile(history, self.known, self.decay)
        of = np.append(self.department, -1)
        place = np.append(self.category, -1)[np.where(inside(items, self.known), items, -1)]
        had = of[self.category[seen]]
        return (place >= 0) & ~np.isin(of[place], had[had >= 0])

    def _pairs(
        self, past: Events, weight: NDArray[np.float32], category: NDArray[np.int32]
    ) -> Iterator[Pairs]:
        for first, second, mass in pairs(
            past,
            weight,
            window=self.window,
            basket_ms=round(self.basket_hours * _HOUR_MS),
            backward=self.backward,
        ):
            same = (category[first] == category[second]) & (category[first] >= 0)
            yield first, second, np.where(same, self.same_category * mass, mass)

    def _edges(self, kind: str) -> Edges:
        return Edges(*(getattr(self, f"{kind}_{part}") for part in ("starts", "to", "edge")))


def _mean(
    edges: Edges, nodes: NDArray[np.int32], weight: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the mean edge from a history's nodes to each node, float64 (n + 1,), 0 at the end.

    The last entry stands for "no node", which is numbered -1.
    """
    has = nodes >= 0
    start, end = edges.starts[nodes[has]], edges.starts[nodes[has] + 1]
    rows, length = ranges(start, end)
    mass = edges.strength[rows] * np.repeat(weight[has], length)
    sums = np.bincount(edges.to[rows], weights=mass, minlength=len(edges.starts))
    return sums / max(float(weight.sum()), 1e-12)


def _paths(catalogue: Catalogue) -> NDArray[np.int32]:
    """Return each category's number at each level, int32 (n_categories, depth).

    Past its own depth a path goes on with the category itself.
    """
    levels = catalogue.category
    n = len(catalogue.categories)
    paths = np.repeat(np.arange(n, dtype=np.int32)[:, None], levels.shape[1], axis=1)
    for depth in range(levels.shape[1]):
        has = levels[:, depth] >= 0
        paths[levels[has, depth], :depth] = levels[has, :depth]
    return paths


def _departments(catalogue: Catalogue) -> NDArray[np.int32]:
    """Return each category's own at the first level that has several, int32 (n_categories,)."""
    paths = _paths(catalogue)
    for depth in range(paths.shape[1]):
        level = catalogue.level(depth)
        if len(np.unique(level[level >= 0])) > 1:
            return paths[:, depth]
    return np.arange(len(paths), dtype=np.int32)


def _against_best(
    demand: NDArray[np.float64], category: NDArray[np.int32], n: int
) -> NDArray[np.float32]:
    """Return each item's demand against the largest of its category, by logarithms of 1 + it."""
    best = np.zeros(n + 1)
    np.maximum.at(best, category, demand)
    return np.asarray(np.log1p(demand) / np.maximum(np.log1p(best[category]), 1e-12), "f4")


def _shares(
    demand: NDArray[np.float64], category: NDArray[np.int32], n: int
) -> NDArray[np.float32]:
    """Return each category's share of demand, one interaction added for each that has items."""
    has = category >= 0
    total = np.bincount(category[has], weights=demand[has], minlength=n).astype(np.float64)
    total[category[has]] += 1.0
    return np.asarray(total / max(total.sum(), 1e-12), "f4")
