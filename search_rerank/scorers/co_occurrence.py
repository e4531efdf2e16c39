"""Directed co-occurrence: what comes after what in shoppers' sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.fitted import gains_option, require
from search_rerank.scorers.neighbours import Neighbours
from search_rerank.scorers.news import How, News
from search_rerank.scorers.numbers import faded, inside, profile
from search_rerank.scorers.updating import corrected, grown, left


@dataclass(frozen=True)
class CoOccurrence(Neighbours):
    """The sum, over the history, of how often the candidate came soon after each of its items.

    A pair of interactions of one actor at distance d (1 for neighbours in time) counts the later
    one's strength times ``d ** -distance``, up to a distance of `window`; the reverse direction
    counts `backward` times that. (Association and sequential rules of Ludewig and Jannach, 2018.)
    To each count `prior` times the candidate's own demand is added, so that candidates that never
    came after the history's items are told apart (as unseen words are by their frequency; Zhai and
    Lafferty, 2004). A history without known items gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "co_occurrence"
    window: int = 10
    """Distance up to which two interactions are a pair."""
    distance: float = 1.0
    """Power by which a pair counts less the farther apart it is; 0 counts all alike."""
    backward: float = 0.2
    """Weight of a pair in the reverse direction."""
    popularity: float = 0.0
    """A pair's count is divided by that of the later item to this power."""
    prior: float = 0.0
    """Weight of the candidate's demand, whatever the history, beside what came after its items."""
    neighbours: int = 300
    """Followers kept of each item."""
    half_life_days: float = 60.0
    """After so many days an interaction of the log counts half; 0 counts all alike."""
    decay: float = 0.6
    """Weight of a history's item against the one after it."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    demand: NDArray[np.float64] = _fitted(np.float64)
    """float64 (n_items,), decayed strength of each item's interactions."""

    def __post_init__(self) -> None:
        require(self.window >= 1, "co_occurrence: window", "1 or more", self.window)
        require(self.distance >= 0, "co_occurrence: distance", "0 or more", self.distance)
        require(self.backward >= 0, "co_occurrence: backward", "0 or more", self.backward)
        require(self.popularity >= 0, "co_occurrence: popularity", "0 or more", self.popularity)
        require(self.prior >= 0, "co_occurrence: prior", "0 or more", self.prior)
        require(self.neighbours >= 1, "co_occurrence: neighbours", "1 or more", self.neighbours)
        half_life = self.half_life_days
        require(half_life >= 0, "co_occurrence: half_life_days", "0 or more", half_life)
        require(0 < self.decay <= 1, "co_occurrence: decay", "above 0 and at most 1", self.decay)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        related, count = self._counted(events, len(catalogue), now_ms)
        if self.popularity > 0:
            related = related.multiply(1.0 / np.maximum(count, 1e-12) ** self.popularity)
        return replace(self, demand=count).with_lists(count > 0, related, self.neighbours)

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with the pairs of those who did something new counted again.

        Counts are sums, which can be corrected; with `popularity` the scorer is fitted again.
        """
        if self.popularity > 0:
            return super().update(news)
        n = len(news.catalogue)
        now, count = self._counted(news.events, n, news.now_ms)
        then, before = self._counted(news.before(), n, news.now_ms)
        known = grown(self.known, n) | (count > 0)
        kept = left(news, self.half_life_days)
        demand = grown(self.demand, n) * kept + (count - before)
        lists = corrected(self, now - then, kept, known, self.neighbours)
        return replace(lists, demand=demand), "updated"

    def _counted(self, events: Events, n: int, now_ms: int) -> tuple[Any, NDArray[np.float64]]:
        """Return what comes after what, sparse (n_items, n_items), and what was had, (n_items,)."""
        from scipy.sparse import csr_matrix

        past = events.before(now_ms)
        weight = past.weights(dict(self.gains))
        if self.half_life_days > 0:
            weight = weight * faded(past, now_ms, self.half_life_days)
        used = np.flatnonzero(weight > 0)
        order = used[np.argsort(past.actor()[used], kind="stable")]  # each actor in time order
        actor, item, weight = past.actor()[order], past.item[order], weight[order]
        after: Any = csr_matrix((n, n), dtype=np.float64)
        for distance in range(1, min(self.window, len(item) - 1) + 1):
            first, second = item[:-distance], item[distance:]
            pair = (actor[:-distance] == actor[distance:]) & (first != second)
            cells = (first[pair], second[pair])
            strength = weight[distance:][pair] * distance**-self.distance
            after += csr_matrix((strength, cells), shape=(n, n))
        related = csr_matrix(after + self.backward * after.T)
        return related, np.bincount(item, weights=weight, minlength=n).astype(np.float64)

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        past, weight = profile(history, self.known, self.decay)
        scores = self.sums((past, weight), items)
        valid = inside(items, self.known)
        if self.prior > 0 and valid.any():
            scores[valid] += np.float32(self.prior * weight.sum()) * self.demand[items[valid]]
        return scores
