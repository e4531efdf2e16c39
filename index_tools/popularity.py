"""What a log says of demand, as the factor on each item's word score."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from search_rerank.config import Config
from search_rerank.data.event import Interaction
from search_rerank.data.read import read_events
from search_rerank.data.refused import Refused
from search_rerank.indexing import demand_boosts
from search_rerank.state.counters import Counters

_BATCH = 10_000
_MAX_QUERIES = 100_000


def popularity_boosts(
    config: Config,
    log: Path,
    now_ms: int,
    refused: Refused | None = None,
    queries: Counter[str] | None = None,
) -> dict[str, float]:
    """Return item id to the factor that `demand_boosts` gives it.

    Parameters
    ----------
    config
        Gains of the interaction types and the weight.
    log
        Events in a known format; read once, only one counter for each item is kept.
    now_ms
        The present, unix milliseconds; events after it are refused. Demand is that of 30 days
        before the last event, as in training.
    refused
        Gets each row that is no event.
    queries
        Gets how often each query was asked.
    """
    counters, last_ms, seen = Counters(config.training.gains), 0, set()
    asked: Counter[str] = Counter() if queries is None else queries
    events = _interactions(log, now_ms, Refused() if refused is None else refused, asked)
    while part := list(islice(events, _BATCH)):
        counters.add_many((event.item, event.type, event.time_ms) for event in part)
        seen |= {event.item for event in part}
        last_ms = max(last_ms, *(event.time_ms for event in part))
    weight = config.retrieval.popularity_weight
    return demand_boosts(counters, sorted(seen), last_ms + 1, weight)


def _interactions(
    log: Path, now_ms: int, refused: Refused, queries: Counter[str]
) -> Iterator[Interaction]:
    for event in read_events(log, refused, None, now_ms):
        if isinstance(event, Interaction):
            yield event
        elif text := (event.query or "").strip():
            if text in queries or len(queries) < _MAX_QUERIES:
                queries[text] += 1
