"""Favour: items of a higher margin, or in stock, come a little higher."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from search_rerank.engines.fields import RANGES
from search_rerank.rules.base import Applied, First, Rule, View, checked_field

IN_STOCK = "in_stock"


class Favour(Rule):
    """Moves items by what a number of theirs is among the candidates, by some places at most.

    The item with the best value may overtake those up to `places` above it that have the worst, and
    others as much less as their values stand between, counted by rank among the values that there
    are, so that one odd value has no more weight than another. No item moves further than `places`
    up or down. A value that is not known stands in the middle.

    Parameters
    ----------
    by
        `in_stock`, `price`, `rating`, `rating_count`, `updated_at`, or `attributes.NAME`, a number
        such as a margin, or true or false.
    prefer
        Which values are the best.
    places
        How many places it may move an item.
    """

    kind: Literal["favour"] = "favour"
    by: str
    prefer: Literal["high", "low"] = "high"
    places: First = 5

    @field_validator("by")
    @classmethod
    def _known(cls, value: str) -> str:
        return checked_field(value, (IN_STOCK, *RANGES))

    @property
    def numbers(self) -> list[str]:
        """The field."""
        return [self.by]

    def apply(self, view: View) -> Applied:
        """Move items by their values."""
        goodness = _goodness(view.facts.numbers(self.by)[view.order], self.prefer == "high")
        here = np.arange(len(view.order))
        moved = (here - (self.places + 0.5) * goodness).argsort(kind="stable")
        order = view.order[moved]
        return Applied(order, order[moved > here].tolist())


def _goodness(values: NDArray[np.float64], high: bool) -> NDArray[np.float64]:
    """Return for each value 0, the worst, to 1, the best; all alike, or unknown: the middle."""
    rows = values.argsort(kind="stable")  # what is not known comes last
    rows = rows[: len(values) - np.count_nonzero(np.isnan(values))]
    rising = values[rows]
    rank = np.zeros(len(rising))
    (rising[1:] != rising[:-1]).cumsum(out=rank[1:])
    goodness = np.full(len(values), 0.5)
    if len(rank) and rank[-1]:
        goodness[rows] = (rank if high else rank[-1] - rank) / rank[-1]
    return goodness
