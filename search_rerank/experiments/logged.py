"""What was shown and clicked, and what another ranker would have shown: the estimators' input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError


@dataclass(frozen=True)
class Logged:
    """Shown items, one row for each item at its place, in any order.

    Parameters
    ----------
    ranking
        int64 (n,), which of the r rankings showed the item.
    place
        int64 (n,), where, 0 first.
    click
        float64 (n,), 1 where it was clicked, or any other reward of the item there.
    shopper
        int64 (r,), whose each ranking was: shoppers are independent, their rankings are not.

    Raises
    ------
    DataError
        Where the columns do not fit each other.
    """

    ranking: NDArray[np.int64]
    place: NDArray[np.int64]
    click: NDArray[np.float64]
    shopper: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.ranking)
        if not n or len(self.place) != n or len(self.click) != n:
            raise DataError(
                "expected as many rankings, places and clicks, and one at least, found "
                f"{n}, {len(self.place)} and {len(self.click)}"
            )
        if self.ranking.min() < 0 or self.ranking.max() >= len(self.shopper):
            raise DataError(
                f"expected ranking numbers from 0 to {len(self.shopper) - 1}, one shopper for "
                f"each, found {self.ranking.min()} to {self.ranking.max()}"
            )
        if self.place.min() < 0 or not np.isfinite(self.click).all():
            raise DataError("expected places from 0 on and finite clicks: count the first place 0")

    def __len__(self) -> int:
        """Return the number of rankings."""
        return len(self.shopper)

    def per_ranking(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the sum of values of rows (n,) over each ranking, float64 (r,)."""
        return np.bincount(self.ranking, weights=values, minlength=len(self)).astype(np.float64)


@dataclass(frozen=True)
class Target:
    """What a ranker would do with the rankings of a log.

    Parameters
    ----------
    weight
        float64 (n,), for each row of the log how much more the ranker would show it than the log
        did: what a click there counts.
    looked
        float64 (n,), chance that the row's place in the log is looked at; 1 where no model of it
        is wanted.
    attention
        float64 (r,), looks that the ranker's list gets, over all its places. The mean of
        ``weight * looked``, summed by ranking, is the mean of this where the weights are right.
    """

    weight: NDArray[np.float64]
    looked: NDArray[np.float64]
    attention: NDArray[np.float64]

    def __post_init__(self) -> None:
        if (self.weight < 0).any() or not np.isfinite(self.weight).all():
            raise DataError(
                "expected finite weights of 0 or more, found others: the log must have had a "
                "chance to show whatever the new ranker shows"
            )
