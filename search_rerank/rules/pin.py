"""Pins: items at the places that the shop gives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from search_rerank.rules.base import Applied, First, Rule, Stage, View
from search_rerank.rules.when import Some

Places = Annotated[dict[Some, First], Field(min_length=1, max_length=100)]


class Pin(Rule):
    """Puts items to places, also items that the engine did not return.

    All others keep their order. An item that the index does not hold, that a rule removes or that
    does not meet the request's own filters is not put in.

    Parameters
    ----------
    places
        Id of each item to its place, the first one being 1; in a shorter list it is the last.
    """

    stage: ClassVar[Stage] = "pin"
    kind: Literal["pin"] = "pin"
    places: Places

    @field_validator("places")
    @classmethod
    def _one_at_a_place(cls, value: dict[str, int]) -> dict[str, int]:
        taken: dict[int, str] = {}
        for id_, place in value.items():
            if place in taken:
                raise ValueError(
                    f"expected one item at place {place}, found {taken[place]!r} and {id_!r}"
                )
            taken[place] = id_
        return value

    def apply(self, view: View) -> Applied:
        """Put the items that are among the rows to their places."""
        rows = {id_: row for row, id_ in enumerate(view.ids)}
        order, placed = pinned(rows, view.order, [self])
        return Applied(order, list(placed))


def pinned(
    row_of: Mapping[str, int], order: NDArray[np.intp], pins: Iterable[Pin]
) -> tuple[NDArray[np.intp], dict[int, Pin]]:
    """Return the order after several pins, and by which of them each row has its place.

    The first pin of an item or to a place counts; a second one to that place gets the next one
    that is free.

    Parameters
    ----------
    row_of
        Id to row of what may be pinned.
    order
        The rows that are ranked, best first.
    """
    placed: dict[int, Pin] = {}
    taken: dict[int, int] = {}
    for pin in pins:
        for id_, place in sorted(pin.places.items(), key=lambda one: one[1]):
            row = row_of.get(id_)
            if row is None or row in placed:
                continue
            while place in taken:
                place += 1
            placed[row], taken[place] = pin, row
    rows = [row for row in order.tolist() if row not in placed]
    for place in sorted(taken):
        rows.insert(place - 1, taken[place])
    return np.array(rows, dtype=np.intp), placed
