"""A state file as the releases before wrote it: layout 1."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import orjson

from search_rerank.data.event import Interaction, Ranking

_EVENTS = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, user TEXT, session TEXT,
    item TEXT NOT NULL, type TEXT NOT NULL, time_ms INTEGER NOT NULL, query TEXT, ranking TEXT
);
CREATE INDEX events_by_user ON events (user, time_ms, seq) WHERE user IS NOT NULL;
CREATE INDEX events_by_visit
    ON events (session, time_ms, seq) WHERE user IS NULL AND session IS NOT NULL;
PRAGMA user_version = 1;
"""
_PAGES = """
CREATE TABLE pages (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user TEXT, session TEXT, query TEXT,
    items TEXT NOT NULL, time_ms INTEGER NOT NULL
);
CREATE INDEX pages_by_user ON pages (user, time_ms, seq) WHERE user IS NOT NULL;
CREATE INDEX pages_by_visit
    ON pages (session, time_ms, seq) WHERE user IS NULL AND session IS NOT NULL;
"""


def write_layout_1(
    path: Path, told: Sequence[Interaction | Ranking], pages: bool = True
) -> dict[str, int]:
    """Write a file with what was told, in this order; return the number of each by its id."""
    numbers = {event.id: seq for seq, event in enumerate(told, 1)}
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_EVENTS + (_PAGES if pages else ""))
        for event in told:
            seq = numbers[event.id]
            if isinstance(event, Ranking):
                row: tuple[object, ...] = (
                    seq, event.id, event.user, event.session, event.query,
                    orjson.dumps(event.items).decode(), event.time_ms,
                )  # fmt: skip
                db.execute("INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            else:
                row = (
                    seq, event.id, event.user, event.session, event.item, event.type,
                    event.time_ms, event.query, event.ranking,
                )  # fmt: skip
                db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return numbers
