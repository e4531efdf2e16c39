"""Click rate: what was done with an item where it was shown, over what its places would give."""

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
from search_rerank.scorers.numbers import fading, looked_up
from search_rerank.scorers.shrunken import category_rates

_PLACES = 100
"""Places that are told apart; those below count as the last of them."""


@dataclass(frozen=True)
class ClickRate(Fitted):
    """The logarithm of clicks over expected clicks (COEC, Zhang and Jones, WWW 2007), smoothed.

    An item shown in a ranking gains the strongest of the interactions that name the ranking, and is
    expected to gain the mean m of what was gained anywhere, times what was gained at its place
    over m to the power `position`: with 1 as in the paper, with 0 a plain rate over the shop's.
    What stands higher is looked at more and is better, too, so that the whole of a place's worth
    takes from good items what an engine gave them.

    The quotient of the sums is drawn to that of the item's category with the weight of `shrink`
    expected gains, and that to those of the categories above, up to 1: the smoothing of Agarwal
    et al. (KDD 2010), in one tree. 0 is as the places give; NaN means that an item was never shown,
    as all are in a log without rankings.

    A state keeps no rankings, so that an update keeps what a training learnt.
    """

    name: ClassVar[str] = "click_rate"
    dear: ClassVar[bool] = True
    shrink: float = 3.0
    """Weight of the rate above an item or a category, in expected gains."""
    position: float = 0.0
    """Power of what a place usually gives, 0 to 1."""
    half_life_days: float = 60.0
    """After so many days a ranking counts half; 0 counts all alike."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    scores: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), NaN where never shown."""

    def __post_init__(self) -> None:
        require(self.shrink > 0, f"{self.name}: shrink", "above 0", self.shrink)
        in_range = 0 <= self.position <= 1
        require(in_range, f"{self.name}: position", "0 to 1", self.position)
        half_life = self.half_life_days
        require(half_life >= 0, f"{self.name}: half_life_days", "0 or more", half_life)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from rankings and events before `now_ms`; the same input gives the same bytes."""
        n, shown = len(catalogue), events.rankings
        ranking = np.repeat(np.arange(len(shown)), np.diff(shown.offsets))
        place = np.minimum(shown.place, _PLACES - 1)
        gain = _gained(events.before(now_ms), ranking, n, self.gains)
        age = now_ms - shown.time_ms
        left = np.where(age > 0, 1.0, 0.0)
        if self.half_life_days > 0:
            left *= fading(age, self.half_life_days)
        weight = left[ranking]
        by_place, looked = (_sums(place, mass, _PLACES) for mass in (weight * gain, weight))
        mean = max(float(by_place.sum()), 1e-12) / max(float(looked.sum()), 1e-12)
        usual = mean * (by_place / np.maximum(looked, 1e-12) / mean) ** self.position
        gained = _sums(shown.shown, weight * gain, n)
        due = _sums(shown.shown, weight * usual[place], n)
        rate = category_rates(catalogue.category, gained, due, 1.0, self.shrink)
        rate = (gained + self.shrink * rate) / (due + self.shrink)
        seen = _sums(shown.shown, weight, n) > 0
        scores = np.where(seen, np.log(np.maximum(rate, 1e-9)), np.nan)
        return replace(self, scores=scores.astype(np.float32))

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        return looked_up(self.scores, items)


def _gained(
    past: Events, ranking: NDArray[np.int64], n: int, gains: Mapping[str, float]
) -> NDArray[np.float64]:
    """Return the strongest interaction with each shown item that names its ranking, float64 (s,).

    Parameters
    ----------
    past
        What may be known.
    ranking
        int64 (s,), the ranking of each row of `Rankings.shown`.
    n
        How many items there are.
    """
    gain = np.zeros(len(ranking))
    weight = past.weights(dict(gains))
    named = np.flatnonzero((past.ranking >= 0) & (weight > 0))
    if len(ranking) == 0 or len(named) == 0:
        return gain
    keys = ranking * n + past.rankings.shown
    order = np.argsort(keys, kind="stable")
    wanted = past.ranking[named].astype(np.int64) * n + past.item[named]
    at = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    there = keys[order[at]] == wanted
    np.maximum.at(gain, order[at[there]], weight[named[there]])
    return gain


def _sums(number: NDArray[np.integer], weight: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    return np.bincount(number, weight, n).astype(np.float64)
