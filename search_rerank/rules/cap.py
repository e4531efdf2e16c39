"""Cap: at most so many of one brand, or any other value, among the first places."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from search_rerank.engines.fields import TERMS
from search_rerank.rules.base import Applied, First, Rule, View, checked_field, with_head


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
        count: dict[int, int] = {}
        taken: list[int] = []
        over: list[int] = []
        for place, value in enumerate(group):
            if len(taken) == self.first:
                break
            before = count.get(value, 0)
            if value >= 0 and before >= self.most:
                over.append(place)
            else:
                count[value] = before + 1
                taken.append(place)
        return Applied(with_head(view.order, taken + over), view.order[over].tolist())
