"""Diversify: no more than so many of one brand, category or other value close together."""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from search_rerank.engines.fields import TERMS
from search_rerank.rules.base import Applied, First, Rule, View, checked_field, with_head


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
        head = _spread(group, self.most, self.window, min(self.first, len(group)))
        delayed = [was for now, was in enumerate(head) if was < now]
        return Applied(with_head(view.order, head), view.order[delayed].tolist())


def _spread(group: list[int], most: int, window: int, first: int) -> list[int]:
    """Return the first places in a new order; `first` of them are chosen.

    Those before the last of them that were passed over follow. What has no value, -1, is like
    nothing else and never waits.
    """
    taken: list[int] = []
    near = [0] * (max(group, default=0) + 1)
    """How often each value is among the window's places before this one."""
    waiting: dict[int, deque[int]] = {}
    """Value to places that were passed over, all of them before `ahead`."""
    ahead, n = 0, len(group)
    for now in range(first):
        if now >= window and (gone := group[taken[now - window]]) >= 0:
            near[gone] -= 1
        place = n
        for value, passed in waiting.items():
            if near[value] < most and passed[0] < place:
                place = passed[0]
        while place == n and ahead < n:
            value = group[ahead]
            if value < 0 or near[value] < most:
                place = ahead
            elif value in waiting:
                waiting[value].append(ahead)
            else:
                waiting[value] = deque([ahead])
            ahead += 1
        if place == n:
            place = min(passed[0] for passed in waiting.values())
        value = group[place]
        if value in waiting and waiting[value][0] == place:
            waiting[value].popleft()
            if not waiting[value]:
                del waiting[value]
        if value >= 0:
            near[value] += 1
        taken.append(place)
    return taken + sorted(chain(*waiting.values()))
