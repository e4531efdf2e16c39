"""The log of a state as lines that can be imported and trained on."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from typing import Any

import orjson

from search_rerank.data.event import Ranking, Told
from search_rerank.state.log import Log


def event_lines(log: Log) -> Iterator[bytes]:
    """Yield everything as it was told, in time order; at one time what was shown comes first."""
    told: Iterator[Told | Ranking] = merge(log.pages(), log.all(), key=lambda event: event.time_ms)
    for event in told:
        yield orjson.dumps(_row(event), option=orjson.OPT_APPEND_NEWLINE)


def _row(event: Told | Ranking) -> dict[str, Any]:
    kind = "interaction" if isinstance(event, Told) else "ranking"
    fields = event._asdict() if isinstance(event, Told) else event.model_dump(exclude={"event"})
    time_ms = fields.pop("time_ms")
    rest = {name: value for name, value in fields.items() if value is not None}
    return {"event": kind, "timestamp": time_ms, **rest}
