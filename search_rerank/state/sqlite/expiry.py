"""Retention: rows leave the histories for the log alone, and segments leave the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

from search_rerank.state.sqlite.ids import Numbers, plain
from search_rerank.state.sqlite.names import leave_queries
from search_rerank.state.sqlite.segments import Segment, Segments

_OLD = "seq BETWEEN ? AND ? AND time_ms < ?"
_TIMES = (
    f"SELECT time_ms FROM events WHERE {_OLD} UNION ALL "
    f"SELECT time_ms FROM pages WHERE {_OLD} ORDER BY time_ms"
)
_AT_ONCE = 2000
_GAP_S = 0.005


class Expiry:
    """Takes old rows out of the tables, a segment at a time: readers see it in one place or other.

    Parameters
    ----------
    segments
        The files of the log.
    numbers
        Of ids.
    """

    def __init__(self, segments: Segments, numbers: Numbers) -> None:
        self._segments = segments
        self._numbers = numbers

    def begin(self, db: sqlite3.Connection, before_ms: int) -> bool:
        """Store nothing older from now on; return whether rows that are not sealed must go."""
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "UPDATE meta SET value = ? WHERE name = 'expired_ms' AND value < ?",
                (before_ms, before_ms),
            )
        old = "EXISTS (SELECT 1 FROM {} WHERE seq > value AND time_ms < ?)"
        sql = f"SELECT {old.format('events')} OR {old.format('pages')} FROM meta WHERE name = ?"
        found: int = db.execute(sql, (before_ms, before_ms, "sealed")).fetchone()[0]
        return bool(found)

    def expire(self, db: sqlite3.Connection, before_ms: int, until: float) -> int:
        """Take rows before a time out of the tables, until a moment; return how many."""
        gone = 0
        for segment in self._segments.all(db):
            if segment.min_ms < before_ms and segment.expired_ms <= segment.max_ms:
                if monotonic() >= until:
                    break
                if segment.expired_ms < before_ms:
                    gone += self._expire(db, segment, before_ms)
        return gone

    def drop(
        self, db: sqlite3.Connection, before_ms: int, save_counters: Callable[[], None]
    ) -> int:
        """Drop the files of segments that hold nothing newer; return how many.

        Counters are saved first: what they count of those files is then in no other place.
        """
        old = [one for one in self._segments.all(db) if one.max_ms < before_ms and not one.dropped]
        if old:
            save_counters()
        for segment in old:
            self.drop_one(db, segment.number)
        return len(old)

    def drop_one(self, db: sqlite3.Connection, number: int) -> None:
        """Drop the file of a segment."""
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE segments SET dropped = 1 WHERE number = ?", (number,))
            db.execute("DELETE FROM rewrites WHERE segment = ?", (number,))
            span = "SELECT 1 FROM segments WHERE number = ? AND seq BETWEEN first AND last"
            db.execute(f"DELETE FROM claimed WHERE EXISTS ({span})", (number,))
        self._segments.path(number).unlink(missing_ok=True)

    def _expire(self, db: sqlite3.Connection, segment: Segment, before_ms: int) -> int:
        """Take rows of a segment out, some at a time: writers do not wait for long."""
        times = [time_ms for (time_ms,) in db.execute(_TIMES, 2 * (*_span(segment), before_ms))]
        cuts = sorted({*times[_AT_ONCE::_AT_ONCE], before_ms})
        gone = 0
        for n, cut in enumerate(cuts):
            if n:
                sleep(_GAP_S)
            gone += self._expire_some(db, segment, cut)
        return gone

    def _expire_some(self, db: sqlite3.Connection, segment: Segment, before_ms: int) -> int:
        span = (*_span(segment), before_ms)
        with db:
            db.execute("BEGIN IMMEDIATE")
            events = self._remove(db, "events", span)
            pages = self._remove(db, "pages", span)
            db.execute(
                "UPDATE segments SET expired_ms = ?, expired = expired + ? WHERE number = ?",
                (before_ms, events, segment.number),
            )
        return events + pages

    def _remove(self, db: sqlite3.Connection, table: str, span: tuple[int, int, int]) -> int:
        rows: list[tuple[Any, ...]] = db.execute(
            f"SELECT seq, id, owner, visit, session, query FROM {table} WHERE {_OLD}", span
        ).fetchall()
        remove_ids(db, table, [(self._numbers.of(plain(row[1])), row[0]) for row in rows])
        db.execute(f"DELETE FROM {table} WHERE {_OLD}", span)
        claimed = [(row[2], row[0]) for row in rows if row[3] and row[2] is not None]
        db.executemany("INSERT INTO claimed VALUES (?, ?)", claimed)
        leave_queries(db, (row[5] for row in rows if row[5] is not None))
        remove_users(db, {row[2] for row in rows if row[2] is not None})
        return len(rows)


def _span(segment: Segment) -> tuple[int, int]:
    return segment.first, segment.last


def remove_ids(db: sqlite3.Connection, table: str, ids: list[tuple[int, int]]) -> None:
    """Remove what finds rows by their ids, given as (number of the id, number of the row)."""
    sql = f"DELETE FROM {table[:-1]}_ids WHERE hash = ? AND seq = ?"
    db.executemany(sql, sorted(ids))


def remove_users(db: sqlite3.Connection, numbers: set[int]) -> None:
    """Remove the names of users of whom no row is left."""
    left = "NOT EXISTS (SELECT 1 FROM {} WHERE owner = users.number)"
    none = " AND ".join(left.format(table) for table in ("events", "pages", "claimed"))
    sql = f"DELETE FROM users WHERE number = ? AND {none}"
    db.executemany(sql, [(number,) for number in sorted(numbers)])
