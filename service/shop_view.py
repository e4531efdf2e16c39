"""What the page shows, worked out before the templates: links, facets, chips, cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup, escape

from search_rerank.answer import Answer, Hit
from search_rerank.data.item import Item
from search_rerank.engines.counting import label
from search_rerank.engines.fields import as_text
from search_rerank.explanation import Explanation, Reason
from search_rerank.query import Range
from service.price_steps import as_filter, step_label
from service.schemas import SearchRequest
from service.search import Places

_CONTRIBUTIONS = 5
Pairs = list[tuple[str, str]]
COLOUR = ("attributes.color", "attributes.colour")


@dataclass(frozen=True)
class Card:
    """One product as shown: places start at 1, `title` has the words searched for marked.

    `reason` and `told` say why it is there, where that was asked for.
    """

    id: str
    item: Item | None
    title: Markup
    place: int
    engine_place: int
    explored: bool
    reason: Reason | None = None
    told: Explanation | None = None

    @property
    def contributions(self) -> list[tuple[str, float]]:
        """The features that moved it farthest, and how far."""
        return list(self.told.contributions.items())[:_CONTRIBUTIONS] if self.told else []

    @property
    def moved(self) -> int:
        """Places gained over the engine's order; negative for lost ones."""
        return self.engine_place - self.place


@dataclass(frozen=True)
class Choice:
    """One value of a facet.

    Parameters
    ----------
    label, value, count
        What it is called, what a form sends, and how many items have it, None where not known.
    href
        Where choosing it leads, or letting it go where it is chosen.
    chosen
        Whether it is in force.
    """

    label: str
    value: str
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

    def toggled(self, name: str, value: str) -> str:
        """Return an address with one value of a parameter added, or taken away if it is there."""
        pair = (name, value)
        rest = [one for one in self.pairs if one != pair and one[0] != "page"]
        query = urlencode(rest if pair in self.pairs else [*rest, pair])
        return f"/?{query}" if query else "/"

    def hidden(self, *without: str) -> Pairs:
        """Return the parameters that a form has to carry along, save those it sets itself."""
        return [(k, v) for k, v in self.pairs if k not in without and k != "page"]


def cards(
    hits: Sequence[Hit], items: Mapping[str, Item], first: int = 0, places: Places | None = None
) -> list[Card]:
    """Return the cards of hits whose first one has this rank."""
    found = []
    for rank, hit in enumerate(hits, start=first):
        item = items.get(hit.id)
        spans = (places or {}).get(hit.id, {}).get("title", ())
        title = marked(item.title if item else hit.id, spans)
        stands = (rank + 1, hit.engine_rank + 1)
        found.append(Card(hit.id, item, title, *stands, hit.explored, hit.reason, hit.explanation))
    return found


def marked(text: str, spans: Sequence[tuple[int, int]]) -> Markup:
    """Return a text as HTML, each part apart escaped, with some of them marked."""
    html, done = Markup(""), 0
    for start, end in spans:
        html += escape(text[done:start]) + Markup("<mark>") + escape(text[start:end])
        html += Markup("</mark>")
        done = end
    return html + escape(text[done:])


def summary(answer: Answer) -> str:
    """Return how many products were found, in words."""
    if "meaning" in answer.relaxed:
        return "No product matches these words; these are near in meaning"
    count = f"{answer.total:,} product{'' if answer.total == 1 else 's'}"
    count = count if answer.total_exact else f"more than {count}"
    if "words" in answer.relaxed:
        return f"No product matches all of these words; {count} match some"
    return count


def facet(
    field: str,
    counts: Sequence[tuple[str, int]],
    asked: SearchRequest,
    address: Address,
    limit: int = 12,
) -> list[Choice]:
    """Return the values of a facet, the most frequent and the chosen ones."""
    chosen = asked.filters.terms.get(field, [])
    known = dict(counts)
    shown = [value for value, _ in list(counts)[:limit]]
    shown += [value for value in chosen if value not in shown]
    return [
        Choice(value, value, known.get(value, 0), address.toggled(field, value), value in chosen)
        for value in shown
    ]


def price_choices(
    steps: Sequence[Range],
    counts: Sequence[tuple[str, int]],
    asked: SearchRequest,
    address: Address,
) -> list[Choice]:
    """Return the price ranges with their counts; choosing the chosen one lets it go."""
    known, chosen = dict(counts), asked.filters.ranges.get("price")
    found = []
    for step in steps:
        closed = as_filter(step)
        is_chosen = chosen is not None and chosen.to_range() == closed
        bounds = Range() if is_chosen else closed
        href = address.with_changes(
            {"price_gte": _text(bounds.gte), "price_lte": _text(bounds.lte)}
        )
        count = known.get(label(step), 0)
        if count or is_chosen:
            found.append(Choice(step_label(step), label(step), count, href, is_chosen))
    return found


def departments(
    counts: Sequence[tuple[str, int]], asked: SearchRequest, address: Address
) -> list[Choice]:
    """Return the category path chosen so far and the levels right below it."""
    path = (asked.filters.terms.get("category") or [""])[0]
    steps = path.split(" > ") if path else []
    choices = []
    for depth, step in enumerate(steps):
        above = " > ".join(steps[:depth]) or None
        choices.append(Choice(step, step, None, address.link(category=above), True))
    prefix = f"{path} > " if path else ""
    for value, count in counts:
        rest = value.removeprefix(prefix)
        if value.startswith(prefix) and rest and " > " not in rest:
            choices.append(Choice(rest, value, count, address.link(category=value), False))
    return choices


def chips(asked: SearchRequest, address: Address) -> list[Choice]:
    """Return the conditions in force, each linking to the page without it."""
    found = []
    for field, values in asked.filters.terms.items():
        for value in values:
            left = address.toggled(field, value)
            found.append(Choice(value.split(" > ")[-1], value, None, left, True))
    for field, bounds in asked.filters.ranges.items():
        low = f"from {as_text(bounds.gte)}" if bounds.gte is not None else ""
        high = f"up to {as_text(bounds.lte)}" if bounds.lte is not None else ""
        text = f"{field} {low} {high}".replace("  ", " ").strip()
        left = address.with_changes({f"{field}_gte": None, f"{field}_lte": None})
        found.append(Choice(text, field, None, left, True))
    return found


def _text(bound: float | None) -> str | None:
    return None if bound is None else as_text(bound)
