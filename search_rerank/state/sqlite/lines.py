"""Lines of the log: each an event as in docs/data.md, with its number in the state as ``seq``."""

from __future__ import annotations

from typing import Any

import orjson

from search_rerank.data.event import Ranking, Told

Line = dict[str, Any]
"""One decoded row."""


def line_of_told(seq: int, told: Told) -> bytes:
    """Return the line of an interaction."""
    id_, user, session, item, type_, time_ms, query, ranking = told
    row: Line = {"event": "interaction", "id": id_, "timestamp": time_ms}
    if user is not None:
        row["user"] = user
    if session is not None:
        row["session"] = session
    row["type"], row["item"] = type_, item
    if query is not None:
        row["query"] = query
    if ranking is not None:
        row["ranking"] = ranking
    row["seq"] = seq
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def line_of_ranking(seq: int, page: Ranking) -> bytes:
    """Return the line of a ranking."""
    row = {
        "event": "ranking",
        "id": page.id,
        "timestamp": page.time_ms,
        "user": page.user,
        "session": page.session,
        "query": page.query,
        "items": page.items,
        "seq": seq,
    }
    told = {name: value for name, value in row.items() if value is not None}
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def told_of_line(row: Line) -> Told:
    """Return the interaction of a decoded line."""
    get = row.get
    return Told(
        row["id"], get("user"), get("session"), row["item"], row["type"], row["timestamp"],
        get("query"), get("ranking"),
    )  # fmt: skip


def ranking_of_line(row: Line) -> Ranking:
    """Return the ranking of a decoded line."""
    return Ranking.model_construct(
        id=row["id"],
        user=row.get("user"),
        session=row.get("session"),
        query=row.get("query"),
        items=tuple(row["items"]),
        time_ms=row["timestamp"],
    )


def number_of_line(line: bytes) -> int:
    """Return the number of a row, which is its last field."""
    return int(line[line.rindex(b":") + 1 : line.rindex(b"}")])
