"""Items as they are stored, read once for each state that searches find them in."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock
from time import monotonic
from typing import Any

import elasticsearch as es
from cachetools import LRUCache

from search_rerank.data.item import Item
from search_rerank.engines.elasticsearch.connection import VersionGone, reason_of
from search_rerank.engines.elasticsearch.search import State
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.engines.elasticsearch.writing import can_be_stored

RECENT_S = 1.0
"""Searches of so long ago still tell the state of an item: a changed index is read as often."""
_SEARCHES = 64
_OBJECTS = 3
"""An item takes about so many times the bytes of its text."""


@dataclass(frozen=True)
class _Kept:
    version: object
    state: State
    item: Item
    size: int


@dataclass(frozen=True)
class _Search:
    version: object
    at: float
    states: Mapping[str, State]


class Items:
    """Reads items, but for those that a recent search found as they were when they were read.

    Parameters
    ----------
    client
        The connection.
    mb
        Megabytes for items that were read, as estimated.
    """

    def __init__(self, client: es.Elasticsearch, mb: float) -> None:
        self._client = client
        self._lock = Lock()
        self._kept: LRUCache[str, _Kept] = LRUCache(mb * 1e6, attrgetter("size"))
        self._searches: deque[_Search] = deque(maxlen=_SEARCHES)

    def found(self, version: Known, states: Mapping[str, State]) -> None:
        """Learn the states, by item id, in which a search found items just now."""
        with self._lock:
            self._searches.append(_Search(version.identity, monotonic(), states))

    def changed(self) -> None:
        """Forget what searches found, as this process made changes visible to the next."""
        with self._lock:
            self._searches.clear()

    def get(self, version: Known, ids: Sequence[str]) -> list[Item | None]:
        """Return items as `Engine.items` does."""
        known = self._known(version, ids)
        lacking = [id_ for id_ in ids if id_ not in known]
        for id_, doc in stored(self._client, version, lacking, ["json"]).items():
            text = doc["_source"]["json"]
            item = known[id_] = Item.model_validate_json(text)
            state = doc["_seq_no"], doc["_primary_term"]
            kept = _Kept(version.identity, state, item, _OBJECTS * len(text))
            with self._lock:
                if kept.size <= self._kept.maxsize:
                    self._kept[id_] = kept
        return [known.get(id_) for id_ in ids]

    def _known(self, version: Known, ids: Sequence[str]) -> dict[str, Item]:
        """Return the items that need not be read, by id."""
        now, known = monotonic(), dict[str, Item]()
        with self._lock:
            kept = {id_: self._kept[id_] for id_ in ids if id_ in self._kept}
            for search in reversed(self._searches):
                if not kept or now - search.at > RECENT_S:
                    break
                if search.version != version.identity:
                    continue
                for id_ in kept.keys() & search.states.keys():
                    entry = kept.pop(id_)
                    if (entry.version, entry.state) == (search.version, search.states[id_]):
                        known[id_] = entry.item
        return known


def stored(
    client: es.Elasticsearch, version: Known, ids: Sequence[str], names: list[str]
) -> dict[str, dict[str, Any]]:
    """Return the documents of items by id, with some of their fields, as queries see them."""
    if not ids:
        return {}
    fits = [id_ for id_ in ids if can_be_stored(id_)]
    answer = client.mget(
        index=version.name, ids=fits or ["-"], realtime=False, source_includes=names
    )
    for doc in answer["docs"]:
        if error := doc.get("error"):  # for each item, where the version is not there
            raise VersionGone(f"Elasticsearch: {reason_of(error)}")
    return {doc["_id"]: doc for doc in answer["docs"] if doc["found"] and "json" in doc["_source"]}
