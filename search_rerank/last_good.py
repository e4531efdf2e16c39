"""What the engine last said: candidates of queries and fields of items, without any shopper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import Self

from cachetools import TTLCache

from search_rerank.config import Config
from search_rerank.data.item import Item
from search_rerank.engines.base import Retrieve
from search_rerank.guarding.deadline import Clock
from search_rerank.query import Candidates

STALE = "stale"
"""Why a stage is degraded that gave what was known before."""
_CANDIDATE_BYTES = 100
_ITEM_BYTES = 2500
"""Of Python's objects, beside the characters of their texts."""


class LastGood:
    """Keeps the newest answers of an engine in memory, for when it is away.

    Parameters
    ----------
    mb
        Megabytes for candidates, and as many for items, as estimated.
    keep_s
        Seconds after which an answer is too old to be given.
    clock
        Seconds; a monotonic one.
    """

    def __init__(self, mb: float, keep_s: float, clock: Clock = monotonic) -> None:
        half = int(mb * 1e6 / 2)
        self._lock = Lock()
        self._candidates: TTLCache[str, Candidates] = TTLCache(half, keep_s, clock, _size)
        self._items: TTLCache[str, Item] = TTLCache(half, keep_s, clock, _item_size)

    @classmethod
    def of(cls, config: Config) -> Self | None:
        """Make what the settings ask for; an embedded engine is never away."""
        mb = config.service.last_good_mb
        if config.engine.kind == "embedded" or not mb:
            return None
        return cls(mb, config.service.last_good_s)

    def keep(self, request: Retrieve, found: Candidates) -> None:
        """Keep what was found for a request, unless a part of the retrieval failed."""
        if found.degraded:
            return
        with self._lock:
            try:
                self._candidates[_key(request)] = found
            except ValueError:  # larger than all that may be kept
                return

    def found(self, request: Retrieve) -> Candidates | None:
        """Return what was last found for a request, None where that is not known."""
        with self._lock:
            return self._candidates.get(_key(request))

    def keep_items(self, items: Iterable[Item]) -> None:
        """Keep the fields of items."""
        with self._lock:
            for item in items:
                self._items[item.id] = item

    def items(self, ids: Iterable[str]) -> Mapping[str, Item]:
        """Return those of some items that are known, by id."""
        with self._lock:
            found = {id_: self._items.get(id_) for id_ in ids}
        return {id_: item for id_, item in found.items() if item is not None}


def _key(request: Retrieve) -> str:
    # The vector is made of the text.
    return repr(replace(request, vector=None))


def _size(found: Candidates) -> int:
    facets = sum(len(values) for values in found.facets.values())
    return 2_000 + _CANDIDATE_BYTES * (len(found.ids) + facets) + sum(map(len, found.ids))


def _item_size(item: Item) -> int:
    return _ITEM_BYTES + len(item.title) + len(item.description or "")
