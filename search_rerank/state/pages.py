"""What was shown, in a table of its own of a SQLite state.

Pages and interactions are numbered in one row, in the order of appending: what was known at a
moment is what has a number up to the moment's mark.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from operator import attrgetter

import orjson

from search_rerank.data.event import Ranking
from search_rerank.state.base import Shown

_SCHEMA = """
CREATE TABLE IF NOT EXISTS pages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT,
    session TEXT,
    query TEXT,
    items TEXT NOT NULL,
    time_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS pages_by_user
    ON pages (user, time_ms, seq) WHERE user IS NOT NULL;
CREATE INDEX IF NOT EXISTS pages_by_visit
    ON pages (session, time_ms, seq) WHERE user IS NULL AND session IS NOT NULL;
"""
_INSERT = """
INSERT INTO pages (seq, id, user, session, query, items, time_ms)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_NEWEST = """
SELECT items, time_ms, session FROM pages WHERE {} ORDER BY time_ms DESC, seq DESC LIMIT ?
"""
_OF_USER = _NEWEST.format("user = ?")
_OF_VISIT = _NEWEST.format("session = ? AND user IS NULL")
_LATEST = "SELECT max(seq) FROM (SELECT max(seq) seq FROM events UNION SELECT max(seq) FROM pages)"
_KEEP = "UPDATE sqlite_sequence SET seq = ? WHERE name = 'events'"
_START = "INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)"
_READ_AT_ONCE = 10_000


def latest(db: sqlite3.Connection) -> int:
    """Return the number of what was appended last, 0 before the first."""
    newest: int | None = db.execute(_LATEST).fetchone()[0]
    return newest or 0


class Pages:
    """The table, and how far it was counted.

    Each method takes a connection that nobody else uses meanwhile.
    """

    def __init__(self) -> None:
        self._counted = 0

    def prepare(self, db: sqlite3.Connection) -> None:
        """Make the table in a file of a release that had none; older releases pass it over."""
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'pages_by_visit'").fetchone():
            return
        db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")

    def append(self, db: sqlite3.Connection, rankings: Sequence[Ranking]) -> int:
        """Store rankings in a transaction that the caller ends; return how many were new."""
        db.execute("BEGIN IMMEDIATE")
        before, number = db.total_changes, latest(db)
        db.executemany(_INSERT, (_row(number + n, one) for n, one in enumerate(rankings, 1)))
        new = db.total_changes - before
        last = (number + len(rankings),)
        if db.execute(_KEEP, last).rowcount == 0:  # no interaction was ever appended
            db.execute(_START, last)
        return new

    def newest(
        self, db: sqlite3.Connection, user: str | None, session: str | None, n: int
    ) -> list[Shown]:
        """Return the newest n of a user and of a session under no user, oldest first."""
        own = _read(db, _OF_USER, user, n)
        visit = _read(db, _OF_VISIT, session, n)
        if not visit:
            return own
        return sorted([*own, *visit], key=attrgetter("time_ms"))[-n:]

    def new(self, db: sqlite3.Connection) -> Iterator[tuple[list[str], int]]:
        """Yield (items, time_ms) of what was stored, here or elsewhere, since the last call."""
        rows = db.execute(
            "SELECT items, time_ms, seq FROM pages WHERE seq > ? ORDER BY seq", (self._counted,)
        )
        while batch := rows.fetchmany(_READ_AT_ONCE):
            for items, time_ms, _ in batch:
                yield orjson.loads(items), time_ms
            self._counted = batch[-1][2]


def _row(number: int, page: Ranking) -> tuple[int | str | None, ...]:
    items = orjson.dumps(page.items).decode()
    return number, page.id, page.user, page.session, page.query, items, page.time_ms


def _read(db: sqlite3.Connection, sql: str, who: str | None, n: int) -> list[Shown]:
    if who is None:
        return []
    found = reversed(db.execute(sql, (who, n)).fetchall())
    return [
        Shown(tuple(orjson.loads(items)), time_ms, session) for items, time_ms, session in found
    ]
