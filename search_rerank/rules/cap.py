"""Cap: at most so many of one brand, or any other value, among the first places."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from search_rerank.engines.fields import TERMS
from search_rerank.rules.base import Applied, First, Rule, View, checked_field


class Cap(Rule):
    """Keeps at most so many items of one value of a field among the first places.

    What is too much comes after those places, in its order. Where nothing else is left to fill
    them, it stays: a cap empties no page.

    Parameters
    ----------
    by
        `brand`, `category` (the narrowest), `group_id`, `currency`, `in_stock` or
        `attributes.NAME`; items without a value are not counted.
    most
        How many of each.
    first
        Among how many places.
    """

    kind: Literal["cap"] = "cap"
    by: str
    most: Annotated[int, Field(ge=1, le=1_000)]
    first: First = 10

    @field_validator("by")
    @classmethod
    def _known(cls, value: str) -> str:
        return checked_field(value, TERMS)

    @property
    def groups(self) -> list[str]:
        """The field."""
        return [self.by]

    def apply(self, view: View) -> Applied:
        """Let what is too much wait."""
        group = view.facts.groups(self.by)[view.order].tolist()
        count: Counter[int] = Counter()
        taken: list[int] = []
        over: list[int] = []
        for place, value in enumerate(group):
            if len(taken) == self.first:
                break
            if value >= 0 and count[value] >= self.most:
                over.append(place)
            else:
                count[value] += 1
                taken.append(place)
        chosen = [*taken, *over[: self.first - len(taken)]]
        there = set(chosen)
        rest = [place for place in range(len(group)) if place not in there]
        order = view.order[np.array(chosen + rest, dtype=np.intp)]
        return Applied(order, view.order[over].tolist())
