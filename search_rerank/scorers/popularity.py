"""Popularity: how much happened to an item lately, the same for every shopper."""

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
from search_rerank.scorers.numbers import faded, looked_up
from search_rerank.scorers.updating import item_sums


@dataclass(frozen=True)
class Popularity(Fitted):
    """The logarithm of an item's decayed interactions, ``ln(1 + sum of gain * 2^(-age / half))``.

    The age is taken at fit time, so that the order of items does not change until the next fit.
    An item of the catalogue without events scores 0, also after a fit without any events.
    """

    name: ClassVar[str] = "popularity"
    half_life_days: float = 30.0
    """After so many days an interaction counts half."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    scores: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,)."""

    def __post_init__(self) -> None:
        require(
            self.half_life_days > 0, "popularity: half_life_days", "above 0", self.half_life_days
        )

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        past = events.before(now_ms)
        mass = past.weights(dict(self.gains)) * faded(past, now_ms, self.half_life_days)
        counts = np.bincount(past.item, weights=mass, minlength=len(catalogue))
        return replace(self, scores=np.log1p(counts).astype(np.float32))

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with the counts faded and what is new added, exactly."""
        before = np.expm1(self.scores.astype(np.float64))
        counts = item_sums(before, news, self.gains, self.half_life_days)
        return replace(self, scores=np.log1p(counts).astype(np.float32)), "updated"

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN for items not in the catalogue at fit."""
        return looked_up(self.scores, items)
