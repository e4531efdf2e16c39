"""The log on a Redis server, read back for what learns from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Self

import orjson

from search_rerank.data.event import Ranking, Told
from search_rerank.data.learnt import LearntFrom
from search_rerank.errors import StateError
from search_rerank.state.redis import rows
from search_rerank.state.redis.server import Entry, Server

_READ_AT_ONCE = 10_000
_NEVER = 2**63 - 1
_SCHEMA = """
CREATE TABLE log (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    user TEXT,
    session TEXT,
    item TEXT,
    row BLOB NOT NULL
);
"""
_IN_TIME = "ORDER BY time_ms, seq"
_APPENDED = "kind = ? AND seq > ? AND seq <= ? ORDER BY seq"
_NEW = f"""
kind = 'i' AND (seq > ? OR time_ms >= ? OR item IN (SELECT value FROM json_each(?))) {_IN_TIME}
"""
_OF = f"""
kind = 'i' AND (user IN (SELECT value FROM json_each(?))
    OR (user IS NULL AND session IN (SELECT value FROM json_each(?)))) {_IN_TIME}
"""


class RedisLog:
    """The `Log` contract over a copy of the server's log, made when it is first read.

    The copy is a temporary file of this machine, gone when the log is closed: whatever learns reads
    the log several times, in the order of time, and a server keeps it in the order of appending.
    It ends where the log ended when it was opened.

    Parameters
    ----------
    url, prefix, timeout_s
        As of `RedisState`.

    Raises
    ------
    StateError
        When it cannot be read.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        prefix: str = "search-rerank",
        timeout_s: float = 2.0,
    ) -> None:
        self._server = Server(url, timeout_s, prefix)
        self._db: sqlite3.Connection | None = None
        self.mark = self._server.number("seq")

    @property
    def name(self) -> str:
        """The server's address."""
        return self._server.address

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._db is not None:
            self._db.close()
        self._server.close()

    def all(self) -> Iterator[Told]:
        """Yield every interaction, in time order; ties in the order of appending."""
        return map(rows.told, self._read(f"kind = 'i' {_IN_TIME}"))

    def pages(self) -> Iterator[Ranking]:
        """Yield everything that was shown, in time order; ties in the order of appending."""
        return map(rows.ranking, self._read(f"kind = 'r' {_IN_TIME}"))

    def appended(self, after: int, until: int) -> Iterator[Told]:
        """Yield what was appended past one mark and up to another, in the order of appending."""
        return map(rows.told, self._read(_APPENDED, rows.INTERACTION, after, until))

    def shown(self, after: int, until: int) -> Iterator[Ranking]:
        """Yield what was shown past one mark and up to another, in the order of appending."""
        return map(rows.ranking, self._read(_APPENDED, rows.RANKING, after, until))

    def new(self, learnt: LearntFrom, items: Collection[str] = ()) -> Iterator[Told]:
        """Yield what is not part of what was learnt from, in time order; see `Log.new`."""
        mark = _NEVER if learnt.mark is None else learnt.mark
        return map(rows.told, self._read(_NEW, mark, learnt.until_ms, _listed(items)))

    def of(self, users: Collection[str], sessions: Collection[str]) -> Iterator[Told]:
        """Yield every interaction told of users, and of sessions under no user, in time order."""
        return map(rows.told, self._read(_OF, _listed(users), _listed(sessions)))

    def items(self) -> set[str]:
        """Return every item that something happened to."""
        with self._translated():
            found = self._copy().execute("SELECT DISTINCT item FROM log WHERE kind = 'i'")
            return {item for (item,) in found}

    def count_before(self, time_ms: int) -> int:
        """Return how many interactions lie before a time, those that left the log among them.

        Of those that left, by age or with a user, nobody knows the times any more: they count as
        before any time from which on rows may have left.
        """
        with self._translated():
            sql = "SELECT count(*) FROM log WHERE kind = 'i' AND time_ms < ?"
            count: int = self._copy().execute(sql, (time_ms,)).fetchone()[0]
        known = time_ms >= self._server.number("dropped_ms")
        return count + (self._server.number("dropped") if known else 0)

    def _copy(self) -> sqlite3.Connection:
        """Return the copy, made at the first call."""
        if self._db is None:
            db = sqlite3.connect("")
            try:
                with db:
                    self._fill(db)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _fill(self, db: sqlite3.Connection) -> None:
        db.executescript(_SCHEMA)
        copied = 0
        while copied < self.mark and (entries := self._server.news(copied, 0).entries):
            told = (entry for entry in entries if entry[0] <= self.mark)
            db.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, told))
            copied = entries[-1][0]
        db.execute("CREATE INDEX in_time ON log (time_ms, seq)")

    def _read(self, where: str, *values: int | str) -> Iterator[bytes]:
        with self._translated():
            found = self._copy().execute(f"SELECT row FROM log WHERE {where}", values)
            while batch := found.fetchmany(_READ_AT_ONCE):
                for (row,) in batch:
                    yield row

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"copy of the log of state {self.name}: {error}") from error


def _row(entry: Entry) -> tuple[Any, ...]:
    number, kind, row = entry
    if kind == rows.RANKING:
        page = rows.ranking(row)
        return number, kind, page.time_ms, page.user, page.session, None, row
    told = rows.told(row)
    return number, kind, told.time_ms, told.user, told.session, told.item, row


def _listed(values: Collection[str]) -> str:
    return orjson.dumps(sorted(values)).decode()
