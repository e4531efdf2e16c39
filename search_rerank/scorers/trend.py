"""Trend: whether more happens to an item lately than before, the same for every shopper."""

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
class Trend(Fitted):
    """The logarithm of an item's demand of late over the share of its longer demand due by now.

    ``ln((short + smoothing) / (long * short_days / long_days + smoothing))`` of the decayed
    interactions under two half-lives: 0 for steady demand and for none at all. An item of the
    catalogue without events scores 0, also after a fit without any events.
    """

    name: ClassVar[str] = "trend"
    short_days: float = 7.0
    """Half-life of demand of late."""
    long_days: float = 60.0
    """Half-life of the longer demand."""
    smoothing: float = 1.0
    """Interactions that every item is given, so that few make no trend."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    short: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), demand under the shorter half-life."""
    long: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), demand under the longer one."""

    def __post_init__(self) -> None:
        require(self.short_days > 0, "trend: short_days", "above 0", self.short_days)
        require(
            self.long_days > self.short_days, "trend: long_days", "above short_days", self.long_days
        )
        require(self.smoothing > 0, "trend: smoothing", "above 0", self.smoothing)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        past = events.before(now_ms)
        weight = past.weights(dict(self.gains))
        short, long = (
            np.bincount(past.item, weight * faded(past, now_ms, days), len(catalogue))
            for days in (self.short_days, self.long_days)
        )
        return replace(self, short=short.astype(np.float32), long=long.astype(np.float32))

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with both demands faded and what is new added, exactly."""
        short, long = (
            item_sums(before.astype(np.float64), news, self.gains, days)
            for before, days in ((self.short, self.short_days), (self.long, self.long_days))
        )
        fresh = replace(self, short=short.astype(np.float32), long=long.astype(np.float32))
        return fresh, "updated"

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN for items not in the catalogue at fit."""
        short, long = looked_up(self.short, items), looked_up(self.long, items)
        return rise(short, long, self.short_days / self.long_days, self.smoothing)


def rise(
    short: NDArray[np.float32], long: NDArray[np.float32], share: float, smoothing: float
) -> NDArray[np.float32]:
    """Return ``ln((short + smoothing) / (long * share + smoothing))``, float32 (n,).

    Parameters
    ----------
    short, long
        float32 (n,), demand under a shorter and a longer half-life.
    share
        Part of the longer demand that is due under the shorter half-life: their quotient.
    smoothing
        Interactions that every item is given.
    """
    risen = np.log((short + np.float32(smoothing)) / (long * np.float32(share) + smoothing))
    return risen.astype(np.float32)
