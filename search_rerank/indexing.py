"""Items in, a new version of an index out: encoded through the cache, written in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from search_rerank.data.item import Item
from search_rerank.encoders.base import Encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import Document, Engine, IndexSchema, Stored, live_version
from search_rerank.errors import EngineError
from search_rerank.state.base import HALF_LIVES_DAYS
from search_rerank.state.counters import Counters


@dataclass
class Written:
    """What came of writing a catalogue.

    Parameters
    ----------
    version
        Name of the new version, which is not live.
    written
        Items it holds.
    unchanged
        How many of them equal what the live version holds.
    refused
        Item id to reason, for those the engine refused.
    encoded
        Texts that had to be encoded.
    """

    version: str
    written: int = 0
    unchanged: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    encoded: int = 0


def write_catalogue(
    engine: Engine,
    encoder: Encoder,
    cache: VectorCache,
    items: Iterable[Item],
    *,
    boosts: Mapping[str, float] | None = None,
    attributes: tuple[str, ...] | None = None,
    batch: int = 500,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write items to a new version of the index, `batch` at a time, and make them visible there.

    Parameters
    ----------
    engine, encoder, cache
        Where to, by what, and what remembers vectors.
    items
        Each id once. Read once, unless `attributes` is None: then it must be a collection.
    boosts
        Item id to the factor on its word score; 1 for those left out.
    attributes
        Names of the attributes that can be filtered on; None collects them from the items first.
    progress
        Called with the number of items done since the last call.

    Raises
    ------
    EngineError
        When the engine fails; the unfinished version is dropped.
    """
    if attributes is None:
        attributes = attribute_names(items)
    factors = boosts or {}
    encoded_before = cache.encoded
    live = live_version(engine)
    version = engine.create(IndexSchema(encoder.dim, encoder.fingerprint, attributes))
    result = Written(version)
    try:
        for part in _batches(items, batch):
            vectors = cache.encode(encoder, [item.text() for item in part])
            documents = [
                Document(item, vector if vector.any() else None, factors.get(item.id, 1.0))
                for item, vector in zip(part, vectors, strict=True)
            ]
            outcomes = engine.write(version, documents)
            refused = {
                item.id: outcome.reason or ""
                for item, outcome in zip(part, outcomes, strict=True)
                if outcome.status == "refused"
            }
            old = engine.lookup([item.id for item in part], live.name) if live else []
            result.unchanged += sum(
                _same(item, stored)
                for item, stored in zip(part, old, strict=False)
                if item.id not in refused
            )
            result.refused |= refused
            result.written += len(part) - len(refused)
            if progress is not None:
                progress(len(part))
        engine.seal(version)
    except BaseException:
        drop_quietly(engine, version)
        raise
    result.encoded = cache.encoded - encoded_before
    return result


def demand_boosts(
    counters: Counters, ids: Sequence[str], now_ms: int, weight: float
) -> dict[str, float]:
    """Return item id to factor on its word score: ``1 + weight * ln(1 + demand)``.

    Demand is the gains of an item's interactions, counted with a half-life of 30 days.
    """
    demand = counters.item_counts(ids, now_ms).decayed[:, HALF_LIVES_DAYS.index(30.0)]
    return dict(zip(ids, (1.0 + weight * np.log1p(demand)).tolist(), strict=True))


def attribute_names(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the names of all attributes, sorted."""
    return tuple(sorted({name for item in items for name in item.attributes}))


def _same(item: Item, stored: Stored | None) -> bool:
    return stored is not None and stored.content_hash == item.content_hash()


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rows = iter(items)
    while part := list(islice(rows, size)):
        yield part


def drop_quietly(engine: Engine, version: str) -> None:
    """Drop a version while another error is on its way, which must not be hidden by this one."""
    try:
        engine.drop(version)
    except EngineError:
        pass
