"""A list that goes on: the frozen rest of its window, then what the engine has and no page showed.

Past the window a page is the first items of the engine's order of the moment that no page has
shown. So nothing comes twice, and what matches all the while is never passed over, whatever moves
in between: an order of places would lose an item that rises above the page's edge.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple, Self

from search_rerank.answer import Degraded, Hit, Team
from search_rerank.data.item import Item
from search_rerank.engines.base import Retrieve
from search_rerank.engines.hybrid import MAX_K
from search_rerank.errors import EngineUnavailable
from search_rerank.last_good import STALE, LastGood
from search_rerank.query import Candidates

log = logging.getLogger(__name__)
Admits = Callable[[Item], bool]
MARK_BYTES = 5
"""40 bits: of 1,000 marks one is also an unseen item's with a chance of 1 in 10^9."""
_NUMBERLESS = float("nan")


class Place(NamedTuple):
    """One item of the window that no page has shown yet; the fields are those of `Hit`."""

    id: str
    engine_rank: int
    explored: bool = False
    team: Team | None = None
    rules: tuple[str, ...] = ()
    rank_before_rules: int | None = None

    @classmethod
    def of(cls, hits: Iterable[Hit]) -> tuple[Self, ...]:
        """Return what is kept of hits."""
        return tuple(map(cls._make, map(_KEPT, hits)))

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
            rules=self.rules,
            rank_before_rules=self.rank_before_rules,
        )


_KEPT = attrgetter(*Place._fields)


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
        By id, as far as they are known.
    rest
        From where the next page goes on; None after the last.
    degraded
        What the engine was away for.
    """

    first: int
    hits: Sequence[Hit]
    items: Mapping[str, Item]
    rest: Trail | None
    degraded: Sequence[Degraded] = field(default_factory=tuple)


@dataclass(frozen=True)
class Shelves:
    """Where the items of pages come from.

    Parameters
    ----------
    look_up, retrieve
        Ask the engine for items by id, and for candidates.
    admits
        Whether an item may still be shown.
    kept
        Items for when the engine is away; None where it never is.
    """

    look_up: Callable[[Sequence[str]], Mapping[str, Item]]
    retrieve: Callable[[Retrieve], Candidates]
    admits: Admits
    kept: LastGood | None = None


def marks(id_: str, group: str | None = None) -> list[bytes]:
    """Return short hashes of an item, and of the product that it is a variant of."""
    named = [f"i{id_}"] + ([] if group is None else [f"g{group}"])
    return [
        blake2b(one.encode("utf-8", "replace"), digest_size=MARK_BYTES).digest() for one in named
    ]


def next_page(shelves: Shelves, trail: Trail, request: Retrieve, size: int, depth: int) -> Page:
    """Return the page that follows.

    Items of the window that are gone, or are admitted no longer, are passed over and the page is
    filled up. Should they come back, they come past the window. While the engine is away the
    window is shown as it was frozen, with the items as they were last known.

    Parameters
    ----------
    request
        What the engine is asked past the window.
    size, depth
        Items that the page, and all pages of the list together, show at most.

    Raises
    ------
    EngineUnavailable
        When the engine is away, and nothing can be shown without it.
    """
    size = max(min(size, depth - trail.shown), 0)
    made = _Making(shelves, request, trail, size)
    waiting = trail.waiting
    while waiting and made.wanted:
        n = made.wanted
        made.add_frozen(waiting[:n])
        waiting = waiting[n:]
    goes_on = trail.goes_on
    if goes_on and not waiting:
        goes_on = made.add_unseen()
    shown = trail.shown + len(made.hits)
    ends = shown >= depth or not (waiting or goes_on)
    rest = None if ends else Trail(shown, waiting, frozenset(made.seen), goes_on)
    return Page(trail.shown, made.hits, made.items, rest, made.degraded)


class _Making:
    """A page being filled."""

    def __init__(self, shelves: Shelves, request: Retrieve, trail: Trail, size: int) -> None:
        self._shelves = shelves
        self._request = request
        self._first = trail.shown
        self._size = size
        self.seen = set(trail.seen)
        self.hits: list[Hit] = []
        self.items: dict[str, Item] = {}
        self.degraded: list[Degraded] = []

    @property
    def wanted(self) -> int:
        """How many items the page lacks."""
        return self._size - len(self.hits)

    def add_frozen(self, places: Sequence[Place]) -> None:
        """Add those places of the window whose items may still be shown."""
        ids = [place.id for place in places]
        try:
            items, sure = self._there(ids), True
        except EngineUnavailable as error:
            if self._shelves.kept is None:
                raise
            items, sure = self._shelves.kept.items(ids), False
            self._tell(error, STALE if len(items) == len(ids) else "missing")
        for place in places:
            item = items.get(place.id)
            if item is not None and self._shelves.admits(item):
                self._add(place.hit(), item)
            elif item is None and not sure and self._shelves.admits(_unknown(place.id)):
                self.hits.append(place.hit())
                self.seen.update(marks(place.id))

    def add_unseen(self) -> bool:
        """Fill the page up from the engine's order; return whether there may be more."""
        # Each mark hides one candidate at most: so many are enough where all are admitted.
        k, passed = len(self.seen) + self.wanted + 1, set[str]()
        while True:
            k = min(k, MAX_K)
            try:
                found = self._shelves.retrieve(replace(self._request, k=k))
                full = self._fill(found.ids, passed)
            except EngineUnavailable as error:
                if not self.hits:
                    raise
                if self.wanted:
                    self._tell(error, "away")
                return True
            if full or len(found) < k or k == MAX_K:
                return full
            k *= 2

    def _fill(self, ids: Sequence[str], passed: set[str]) -> bool:
        """Add unseen items until the page is full; return whether there is one more.

        Parameters
        ----------
        passed
            Ids that need no second look; those looked at are added.
        """
        ids = [id_ for id_ in ids if id_ not in passed and marks(id_)[0] not in self.seen]
        while ids:
            n = max(self.wanted, 1)
            for item in self._there(ids[:n]).values():
                if self.seen.intersection(self._marks(item)) or not self._shelves.admits(item):
                    continue
                if not self.wanted:
                    return True
                self._add(Place(item.id, self._first + len(self.hits)).hit(), item)
            passed.update(ids[:n])
            ids = ids[n:]
        return False

    def _add(self, hit: Hit, item: Item) -> None:
        self.hits.append(hit)
        self.items[hit.id] = item
        self.seen.update(self._marks(item))

    def _marks(self, item: Item) -> list[bytes]:
        return marks(item.id, item.group_id if self._request.collapse else None)

    def _there(self, ids: Sequence[str]) -> Mapping[str, Item]:
        found = self._shelves.look_up(ids)
        if self._shelves.kept is not None:
            self._shelves.kept.keep_items(found.values())
        return found

    def _tell(self, error: EngineUnavailable, reason: str) -> None:
        log.warning("a page is made without the engine: %s", error)
        self.degraded.append(Degraded("items", reason))


def _unknown(id_: str) -> Item:
    """Return an item of which nothing but its id is known, for that is all to judge it by."""
    return Item(id=id_, title=id_)
