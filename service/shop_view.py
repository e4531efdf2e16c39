"""What the page shows, worked out before the templates: links, facets, chips, cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from search_rerank.answer import Hit
from search_rerank.data.item import Item
from search_rerank.engines.fields import as_text
from service.schemas import SearchRequest

Pairs = list[tuple[str, str]]
COLOUR = ("attributes.color", "attributes.colour")


@dataclass(frozen=True)
class Card:
    """One product as shown: places start at 1, `moved` is places gained over the engine."""

    id: str
    item: Item | None
    place: int
    engine_place: int

    @property
    def moved(self) -> int:
        """Places gained over the engine's order; negative for lost ones."""
        return self.engine_place - self.place


@dataclass(frozen=True)
class Choice:
    """One value of a facet: its label, how many items have it, and where choosing it leads."""

    label: str
    count: int | None
    href: str
    chosen: bool


@dataclass(frozen=True)
class Address:
    """The parameters of the page's address, and links that change some of them."""

    pairs: Pairs

    def link(self, path: str = "/", **changes: str | None) -> str:
        """Return an address with these parameters replaced; None takes one away.

        ``__`` in a name stands for a dot. The page number starts again.
        """
        named = {name.replace("__", "."): value for name, value in changes.items()}
        return self.with_changes(named, path)

    def with_changes(self, changes: Mapping[str, str | None], path: str = "/") -> str:
        """Return an address with these parameters replaced; None takes one away."""
        kept = [(k, v) for k, v in self.pairs if k not in changes and k != "page"]
        added = [(k, v) for k, v in changes.items() if v is not None]
        query = urlencode(kept + added)
        return f"{path}?{query}" if query else path

    def hidden(self, *without: str) -> Pairs:
        """Return the parameters that a form has to carry along, save those it sets itself."""
        return [(k, v) for k, v in self.pairs if k not in without and k != "page"]


def cards(hits: Sequence[Hit], items: Mapping[str, Item], first: int = 0) -> list[Card]:
    """Return the cards of hits whose first one has this rank."""
    return [
        Card(hit.id, items.get(hit.id), rank + 1, hit.engine_rank + 1)
        for rank, hit in enumerate(hits, start=first)
    ]


def facet(
    field: str,
    counts: Sequence[tuple[str, int]],
    asked: SearchRequest,
    address: Address,
    limit: int = 12,
) -> list[Choice]:
    """Return the values of a facet with links; a chosen one links to its own removal."""
    chosen = asked.filters.terms.get(field, [])
    shown = list(counts)[:limit]
    missing = [(value, 0) for value in chosen if value not in dict(shown)]
    return [
        Choice(
            label=value,
            count=count,
            href=address.with_changes({field: None if value in chosen else value}),
            chosen=value in chosen,
        )
        for value, count in [*missing, *shown]
    ]


def departments(
    counts: Sequence[tuple[str, int]], asked: SearchRequest, address: Address
) -> list[Choice]:
    """Return the category path chosen so far and the levels right below it."""
    path = (asked.filters.terms.get("category") or [""])[0]
    steps = path.split(" > ") if path else []
    choices = []
    for depth, step in enumerate(steps):
        above = " > ".join(steps[:depth]) or None
        choices.append(Choice(step, None, address.link(category=above), True))
    prefix = f"{path} > " if path else ""
    for value, count in counts:
        rest = value.removeprefix(prefix)
        if value.startswith(prefix) and rest and " > " not in rest:
            choices.append(Choice(rest, count, address.link(category=value), False))
    return choices


def chips(asked: SearchRequest, address: Address) -> list[Choice]:
    """Return the conditions in force, each linking to the page without it."""
    found = []
    for field, values in asked.filters.terms.items():
        for value in values:
            left = address.with_changes({field: None})
            found.append(Choice(value.split(" > ")[-1], None, left, True))
    for field, bounds in asked.filters.ranges.items():
        low = f"from {as_text(bounds.gte)}" if bounds.gte is not None else ""
        high = f"up to {as_text(bounds.lte)}" if bounds.lte is not None else ""
        label = f"{field} {low} {high}".replace("  ", " ").strip()
        left = address.with_changes({f"{field}_gte": None, f"{field}_lte": None})
        found.append(Choice(label, None, left, True))
    return found
