"""Diversify: no more than so many of one brand, category or other value close together."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, field_validator, model_validator

from search_rerank.engines.fields import TERMS
from search_rerank.rules.base import Applied, First, Rule, View, checked_field


class Diversify(Rule):
    """Keeps at most so many items of one value of a field within each window of places.

    From the first place on, the best item is taken that leaves every window of `window` places
    with at most `most` of its value; where none does, the best one. So the order is that of the
    ranking wherever it may be. A sliding window, as Huang and others (2021) have it, instead of
    maximal marginal relevance (Carbonell and Goldstein, 1998): that weighs scores, which have no
    scale in common here, and of a plain value it says nothing more once each is there.

    Parameters
    ----------
    by
        `brand`, `category` (the narrowest), `group_id`, `currency`, `in_stock` or
        `attributes.NAME`; an item without a value is like no other.
    most, window
        How many within how many places: 2 within 3 is no three in a row.
    first
        Only the first so many places are looked at.
    """

    kind: Literal["diversify"] = "diversify"
    by: str
    most: Annotated[int, Field(ge=1, le=100)] = 2
    window: Annotated[int, Field(ge=2, le=100)] = 3
    first: First = 100

    @field_validator("by")
    @classmethod
    def _known(cls, value: str) -> str:
        return checked_field(value, TERMS)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.most >= self.window:
            raise ValueError(
                f"expected most below window, found {self.most} of {self.window} places"
            )
        return self

    @property
    def groups(self) -> list[str]:
        """The field."""
        return [self.by]

    def apply(self, view: View) -> Applied:
        """Spread the values."""
        group = view.facts.groups(self.by)[view.order].tolist()
        # What has no value is a group of its own.
        group = [value if value >= 0 else -1 - place for place, value in enumerate(group)]
        taken = _spread(group, self.most, self.window, min(self.first, len(group)))
        order = view.order[np.array(taken, dtype=np.intp)]
        delayed = [int(view.order[was]) for now, was in enumerate(taken) if was < now]
        return Applied(order, delayed)


def _spread(group: list[int], most: int, window: int, first: int) -> list[int]:
    """Return the places in a new order; `first` of them are chosen, the rest follows."""
    taken: list[int] = []
    near: dict[int, int] = {}
    """How often each value is among the window's places before this one."""
    waiting: dict[int, deque[int]] = {}
    """Value to places that were passed over, all of them before `ahead`."""
    ahead = 0
    while len(taken) < first:
        if len(taken) >= window:
            near[group[taken[-window]]] -= 1
        heads = [one[0] for value, one in waiting.items() if near.get(value, 0) < most]
        while not heads and ahead < len(group):
            value = group[ahead]
            waiting.setdefault(value, deque()).append(ahead)
            if near.get(value, 0) < most:
                heads = [ahead]
            ahead += 1
        place = min(heads or (one[0] for one in waiting.values()))
        value = group[place]
        waiting[value].popleft()
        if not waiting[value]:
            del waiting[value]
        near[value] = near.get(value, 0) + 1
        taken.append(place)
    return taken + sorted(set(range(len(group))) - set(taken))
