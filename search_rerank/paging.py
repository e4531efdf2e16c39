"""A list that goes on: the frozen rest of its window, then what the engine has and no page showed.

Past the window a page is the first items of the engine's order of the moment that no page has
shown. So nothing comes twice, and what matches all the while is never passed over, whatever moves
in between: an order of places would lose an item that rises above the page's edge.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from search_rerank.answer import Degraded, Hit, Team
from search_rerank.data.item import Item
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.recommend.shelf import Shelf

log = logging.getLogger(__name__)
MARK_BYTES = 5
"""40 bits: of 1,000 marks one is also an unseen item's with a chance of 1 in 10^9."""
_NUMBERLESS = float("nan")


@dataclass(frozen=True)
class Place:
    """One item of the window that no page has shown yet; the fields are those of `Hit`."""

    id: str
    engine_rank: int
    explored: bool = False
    team: Team | None = None

    def hit(self) -> Hit:
        """Return it as a hit: what it was ranked by is not kept."""
        return Hit(
            self.id,
            _NUMBERLESS,
            self.engine_rank,
            None,
            None,
            explored=self.explored,
            team=self.team,
        )


@dataclass(frozen=True)
class Trail:
    """How far the pages of one list came.

    Parameters
    ----------
    shown
        Places that were passed.
    waiting
        The rest of the window, in its frozen order.
    seen
        Marks of what was shown, see `marks`.
    goes_on
        Whether the engine may have more past the window.
    """

    shown: int
    waiting: tuple[Place, ...]
    seen: frozenset[bytes]
    goes_on: bool


@dataclass(frozen=True)
class Page:
    """One page after the first.

    Parameters
    ----------
    first
        Place of the first hit in the whole list.
    hits
        In order; those past the window stand where the engine has them.
    items
        By id.
    rest
        From where the next page goes on; None after the last.
    degraded
        What could not be made sure of.
    """

    first: int
    hits: Sequence[Hit]
    items: Mapping[str, Item]
    rest: Trail | None
    degraded: Sequence[Degraded] = field(default_factory=tuple)


def marks(id_: str, group: str | None = None) -> list[bytes]:
    """Return short hashes of an item, and of the product that it is a variant of."""
    named = [f"i{id_}"] + ([] if group is None else [f"g{group}"])
    return [
        blake2b(one.encode("utf-8", "replace"), digest_size=MARK_BYTES).digest() for one in named
    ]


def next_page(engine: Engine, trail: Trail, request: Retrieve, size: int, depth: int) -> Page:
    """Return the page that follows.

    Items of the window that are gone, or meet the filters no longer, are passed over and the page
    is filled up. Should they come back, they come past the window.

    Parameters
    ----------
    request
        What the engine is asked past the window; the filters hold for the window, too.
    size, depth
        Items that the page, and all pages of the list together, show at most.

    Raises
    ------
    EngineError
        When the engine is away.
    """
    size = max(min(size, depth - trail.shown), 0)
    made = _Making(engine, request, set(trail.seen))
    waiting = trail.waiting
    while waiting and len(made.hits) < size:
        n = size - len(made.hits)
        made.add_frozen(waiting[:n])
        waiting = waiting[n:]
    goes_on = trail.goes_on
    if goes_on and not waiting:
        goes_on = made.add_unseen(trail.shown, size)
    shown = trail.shown + len(made.hits)
    ends = shown >= depth or not (waiting or goes_on)
    rest = None if ends else Trail(shown, waiting, frozenset(made.seen), goes_on)
    return Page(trail.shown, made.hits, made.items, rest, made.degraded)


class _Making:
    """A page being filled."""

    def __init__(self, engine: Engine, request: Retrieve, seen: set[bytes]) -> None:
        self._engine = engine
        self._request = request
        self.seen = seen
        self.hits: list[Hit] = []
        self.items: dict[str, Item] = {}
        self.degraded: list[Degraded] = []

    def add_frozen(self, places: Sequence[Place]) -> None:
        """Add those places of the window whose items still are what was asked for."""
        items = self._there([place.id for place in places])
        meeting = self._meeting(items)
        for place in places:
            if place.id in meeting:
                self._add(place.hit(), items[place.id])

    def add_unseen(self, first: int, size: int) -> bool:
        """Fill the page up from the engine's order; return whether there is more."""
        wanted = size - len(self.hits)
        # each mark hides one candidate at most, so that this many cannot be too few
        k = len(self.seen) + wanted + 1
        found = self._engine.retrieve(replace(self._request, k=k))
        unseen = [id_ for id_ in found.ids if marks(id_)[0] not in self.seen]
        while unseen:
            n = max(size - len(self.hits), 1)
            items = self._there(unseen[:n])
            for item in items.values():
                if self.seen.intersection(self._marks(item)):
                    continue
                if len(self.hits) == size:
                    return True
                self._add(Place(item.id, first + len(self.hits)).hit(), item)
            unseen = unseen[n:]
        return False

    def _add(self, hit: Hit, item: Item) -> None:
        self.hits.append(hit)
        self.items[hit.id] = item
        self.seen.update(self._marks(item))

    def _marks(self, item: Item) -> list[bytes]:
        return marks(item.id, item.group_id if self._request.collapse else None)

    def _there(self, ids: Sequence[str]) -> dict[str, Item]:
        found = self._engine.lookup(ids)
        return {
            id_: stored.item for id_, stored in zip(ids, found, strict=True) if stored is not None
        }

    def _meeting(self, ids: Iterable[str]) -> set[str]:
        """Return those of some items that meet the filters; all where that cannot be found out."""
        ids, filters = set(ids), self._request.filters
        if not filters or not ids:
            return ids
        try:
            return set(Shelf(self._engine, filters).those(ids, collapse=False).ids)
        except EngineUnavailable:
            raise
        except EngineError as error:  # the index has other fields by now, or they are too many
            log.warning("a page is not filtered anew: %s", error)
            self.degraded.append(Degraded("filters", str(error)))
            return ids
