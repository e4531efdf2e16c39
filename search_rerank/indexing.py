"""Items in, a new version of an index out: encoded through the cache, written in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from search_rerank.config import IndexConfig
from search_rerank.data.events import Events
from search_rerank.data.item import Item
from search_rerank.encoders.base import Encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import Document, Engine, IndexSchema, Outcome
from search_rerank.engines.fields import unix_ms
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
    refused
        Item id to reason, for those the engine refused.
    encoded
        Texts that had to be encoded.
    """

    version: str
    written: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    encoded: int = 0


def index_schema(
    encoder: Encoder, attributes: Sequence[str], index: IndexConfig | None = None
) -> IndexSchema:
    """Return what a new version is made for; without settings they have their defaults."""
    index = index or IndexConfig()
    return IndexSchema(
        encoder.dim,
        encoder.fingerprint,
        tuple(attributes),
        index.language,
        tuple(sorted(index.languages.items())),
        index.codes,
    )


def write_catalogue(
    engine: Engine,
    encoder: Encoder,
    cache: VectorCache,
    items: Sequence[Item],
    *,
    boosts: Mapping[str, float] | None = None,
    attributes: tuple[str, ...] | None = None,
    index: IndexConfig | None = None,
    batch: int = 500,
) -> Written:
    """Write items to a new version of the index, `batch` at a time, and make them visible there.

    Parameters
    ----------
    engine, encoder, cache
        Where to, by what, and what remembers vectors.
    items
        Each id once.
    boosts
        Item id to the factor on its word score; 1 for those left out.
    attributes
        Names of the attributes that can be filtered on; None takes all of the items.
    index
        Languages and codes.

    Raises
    ------
    EngineError
        When the engine fails; the unfinished version is dropped.
    """
    if attributes is None:
        attributes = attribute_names(items)
    encoded_before = cache.encoded
    version = engine.create(index_schema(encoder, attributes, index), len(items))
    result = Written(version)
    try:
        for part in batches(items, batch):
            outcomes = write_batch(engine, version, encoder, cache, part, boosts or {})
            for item, outcome in zip(part, outcomes, strict=True):
                if outcome.status == "refused":
                    result.refused[item.id] = outcome.reason or ""
                else:
                    result.written += 1
        engine.seal(version)
    except BaseException:
        drop_quietly(engine, version)
        raise
    result.encoded = cache.encoded - encoded_before
    return result


def write_batch(
    engine: Engine,
    version: str,
    encoder: Encoder,
    cache: VectorCache,
    items: Sequence[Item],
    boosts: Mapping[str, float],
) -> Sequence[Outcome]:
    """Encode some items and write them to a version; return the outcome of each.

    An item is as old as its `updated_at` says, and older than any live change where it says
    nothing.
    """
    vectors = cache.encode(encoder, [item.text() for item in items])
    return engine.write(
        version,
        [
            Document(
                item,
                vector if vector.any() else None,
                boosts.get(item.id, 1.0),
                0 if item.updated_at is None else unix_ms(item.updated_at),
            )
            for item, vector in zip(items, vectors, strict=True)
        ],
    )


def demand_boosts(
    counters: Counters, ids: Sequence[str], now_ms: int, weight: float
) -> dict[str, float]:
    """Return item id to factor on its word score: ``1 + weight * ln(1 + demand)``.

    Demand is the gains of an item's interactions, counted with a half-life of 30 days.
    """
    demand = counters.item_counts(ids, now_ms).decayed[:, HALF_LIVES_DAYS.index(30.0)]
    return dict(zip(ids, (1.0 + weight * np.log1p(demand)).tolist(), strict=True))


def boosts(
    events: Events, cut_ms: int, gains: Mapping[str, float], weight: float
) -> dict[str, float]:
    """Return each item's factor on the word score, from its demand before a time."""
    before = events.log[: int(np.searchsorted(events.time_ms, cut_ms, side="left"))]
    counters = Counters(gains)
    counters.add_many((event.item, event.type, event.time_ms) for event in before)
    return demand_boosts(counters, events.items.ids(), cut_ms, weight)


def attribute_names(items: Iterable[Item]) -> tuple[str, ...]:
    """Return the names of all attributes, sorted."""
    return tuple(sorted({name for item in items for name in item.attributes}))


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of a size, the last one shorter."""
    rows = iter(items)
    while part := list(islice(rows, size)):
        yield part


def drop_quietly(engine: Engine, version: str) -> None:
    """Drop a version while another error is on its way, which must not be hidden by this one."""
    try:
        engine.drop(version)
    except EngineError:
        pass


def finish_quietly(engine: Engine, version: str) -> None:
    """Let go of a version while another error is on its way, as `drop_quietly`."""
    try:
        engine.finish(version)
    except EngineError:
        pass
