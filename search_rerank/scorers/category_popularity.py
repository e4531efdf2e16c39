"""Popularity by category: demand over several windows, an item's drawn to its category's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.errors import ConfigError
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.news import How, News
from search_rerank.scorers.numbers import faded, looked_up
from search_rerank.scorers.shrunken import category_rates
from search_rerank.scorers.updating import item_sums

_LEAST = 1e-9
"""Interactions a day where nobody does anything: the logarithm must be of something."""


def _windows() -> dict[str, float]:
    return {"7": 1.0, "30": 1.0}


@dataclass(frozen=True)
class CategoryPopularity(Fitted):
    """The logarithm of an item's interactions a day, smoothed by its category's, over windows.

    In each window an item's decayed interactions d become ``(d + smoothing * m) / (1 + smoothing)``
    where m is the mean of its deepest category's items, itself drawn to the mean of the category
    above with the weight of `shrink` items, and so on up to the shop's (gamma-Poisson, as empirical
    Bayes takes rates of few counts). The score is the windows' weighted mean of ``ln(that a day)``:
    items without events stand in the order of their categories, and a shop without any scores all
    alike.
    """

    name: ClassVar[str] = "category_popularity"
    windows: Mapping[str, float] = field(default_factory=_windows)
    """Half-lives in days, and the weight of each."""
    smoothing: float = 0.1
    """Weight of the category's mean against the item's own demand."""
    shrink: float = 5.0
    """Weight of the mean above a category, in items."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    scores: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,)."""
    demand: NDArray[np.float64] = _fitted(np.float64, 0, 0)
    """float64 (n_items, windows), each item's decayed interactions."""

    def __post_init__(self) -> None:
        require(self.smoothing > 0, f"{self.name}: smoothing", "above 0", self.smoothing)
        require(self.shrink > 0, f"{self.name}: shrink", "above 0", self.shrink)
        expected = "half-lives in days above 0 with weights above 0"
        holds = bool(self.windows) and all(weight > 0 for weight in self.windows.values())
        require(holds, f"{self.name}: windows", expected, dict(self.windows))
        for days in self.windows:
            require(_days(self.name, days) > 0, f"{self.name}: windows", expected, days)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        past = events.before(now_ms)
        weight = past.weights(dict(self.gains))
        n = len(catalogue)
        demand = [
            np.bincount(past.item, weight * faded(past, now_ms, _days(self.name, days)), n)
            for days in self.windows
        ]
        return self._scored(np.stack(demand, axis=1).astype(np.float64), catalogue)

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with each window's demand faded and what is new added, exactly."""
        demand = [
            item_sums(before, news, self.gains, _days(self.name, days))
            for before, days in zip(self.demand.T, self.windows, strict=True)
        ]
        return self._scored(np.stack(demand, axis=1), news.catalogue), "updated"

    def _scored(self, demands: NDArray[np.float64], catalogue: Catalogue) -> Self:
        n = len(catalogue)
        total = np.zeros(n)
        for decayed, (days, share) in zip(demands.T, self.windows.items(), strict=True):
            demand = decayed * (np.log(2.0) / _days(self.name, days))  # a day
            mean = float(demand.mean()) if n else 0.0
            usual = category_rates(catalogue.category, demand, np.ones(n), mean, self.shrink)
            rate = (demand + self.smoothing * usual) / (1 + self.smoothing)
            total += share * np.log(np.maximum(rate, _LEAST))
        scores = total / sum(self.windows.values())
        return replace(self, scores=scores.astype(np.float32), demand=demands)

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN for items not in the catalogue at fit."""
        return looked_up(self.scores, items)


def _days(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(
            f"{name}: windows: expected a half-life in days, found {text!r}"
        ) from None
