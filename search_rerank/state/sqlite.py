"""State in one SQLite file: durable, and the same for every process of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from threading import RLock
from time import monotonic, sleep
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Interaction, Ranking
from search_rerank.errors import StateError
from search_rerank.state.base import ItemCounts, Past, Shown
from search_rerank.state.counters import Counters
from search_rerank.state.pages import Pages, latest
from search_rerank.state.queries import QueryCounters

_LAYOUT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    user TEXT,
    session TEXT,
    item TEXT NOT NULL,
    type TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    query TEXT,
    ranking TEXT
);
CREATE INDEX IF NOT EXISTS events_by_user
    ON events (user, time_ms, seq) WHERE user IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_by_visit
    ON events (session, time_ms, seq) WHERE user IS NULL AND session IS NOT NULL;
"""
_INSERT = """
INSERT INTO events (id, user, session, item, type, time_ms, query, ranking)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
"""
_NEWEST = """
SELECT item, type, time_ms, session FROM events WHERE {} ORDER BY time_ms DESC, seq DESC LIMIT ?
"""
_OF_USER = _NEWEST.format("user = ?")
_OF_VISIT = _NEWEST.format("session = ? AND user IS NULL")
_COUNTED_AT_ONCE = 50_000


class SqliteState:
    """The `State` contract over a write-ahead-logged SQLite file.

    Histories are read from the file by index. Counters live in memory, one copy a process, and
    follow the log: each read first counts the rows that any process appended since the last one,
    so that an acknowledged interaction is part of the very next answer everywhere.

    An object may be used by several threads; processes open one each, after forking.

    Parameters
    ----------
    path
        The file; it and its folder are made where they are missing.
    gains
        Weight of each interaction type in the counters.
    synchronous
        ``full``: what `append` returned for survives a power cut. ``normal``: it survives a crash
        of the process, a power cut may lose the last moments; several times faster to append.
    wait_s
        How long to wait for another process that is writing.

    Raises
    ------
    StateError
        When the file is not such a state, was made by a newer release, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        gains: Mapping[str, float],
        synchronous: Literal["full", "normal"] = "full",
        wait_s: float = 10.0,
    ) -> None:
        self.path = path
        self._counters = Counters(gains)
        self._queries = QueryCounters(gains)
        self._pages = Pages()
        self._counted = 0
        self._lock = RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"state {path}: cannot make its folder ({error.strerror})") from None
        with self._translated():
            self._db = sqlite3.connect(
                path, timeout=wait_s, isolation_level=None, check_same_thread=False
            )
        try:
            with self._translated():
                self._prepare_patiently(synchronous, wait_s)
        except StateError:
            self._db.close()
            raise

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions in one transaction, idempotent by event id; return the new ones."""
        if not events:
            return 0
        with self._using() as db:
            # As a context manager the connection commits, or rolls back what SQLite itself, out of
            # disk, may have rolled back already.
            with db:
                db.execute("BEGIN IMMEDIATE")
                before = db.total_changes
                db.executemany(_INSERT, map(_ROW, events))
                new = db.total_changes - before
        return new

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown in one transaction, idempotent by id; return the new ones."""
        if not rankings:
            return 0
        with self._using() as db, db:
            return self._pages.append(db, rankings)

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first."""
        with self._using() as db:
            own = self._newest(db, _OF_USER, user, n)
            visit = self._newest(db, _OF_VISIT, session, n)
        if not visit:
            return own
        return sorted([*own, *visit], key=attrgetter("time_ms"))[-n:]

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first."""
        with self._using() as db:
            return self._pages.newest(db, user, session, n)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        with self._using() as db:
            self._follow(db)
            return self._counters.item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        with self._using() as db:
            self._follow(db)
            return self._queries.counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        with self._using() as db:
            self._follow(db)
            return self._queries.similar(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        with self._using() as db:
            self._follow(db)
            return self._queries.starting_with(prefix, n)

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        with self._using() as db:
            return db.execute(
                "SELECT user, count(*) FROM events WHERE user IS NOT NULL "
                "GROUP BY user ORDER BY count(*) DESC, user LIMIT ?",
                (n,),
            ).fetchall()

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first.

        Numbers rise in the order of appending: what was known at a moment is what has a number up
        to the mark of that moment, see `StoredLog.appended`.
        """
        with self._using() as db:
            return latest(db)

    def __len__(self) -> int:
        """Return how many interactions are stored."""
        with self._using() as db:
            count: int = db.execute("SELECT count(*) FROM events").fetchone()[0]
            return count

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _prepare_patiently(self, synchronous: str, wait_s: float) -> None:
        """Prepare the file; SQLite itself does not wait when several processes turn on WAL."""
        deadline = monotonic() + wait_s
        while True:
            try:
                return self._prepare(synchronous)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                    raise
                sleep(0.01)

    def _prepare(self, synchronous: str) -> None:
        layout = self._db.execute("PRAGMA user_version").fetchone()[0]
        if layout not in (0, _LAYOUT):
            raise StateError(
                f"state {self.path}: expected layout {_LAYOUT}, found {layout}; it was made by "
                "another release, or is another program's file"
            )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {'FULL' if synchronous == 'full' else 'NORMAL'}")
        if layout == 0:
            if self._db.execute("SELECT 1 FROM sqlite_master WHERE name <> 'events'").fetchone():
                self._refuse_foreign()
            self._db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = 1;COMMIT;")
        self._pages.prepare(self._db)

    def _refuse_foreign(self) -> None:
        """Refuse a database of another program, but not one another process is just making."""
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            return
        raise StateError(
            f"state {self.path}: expected a state file, found another program's database; "
            "name another path"
        )

    def _follow(self, db: sqlite3.Connection) -> None:
        """Count the rows that were appended, here or elsewhere, since the last call.

        Writers are serialised and numbers are never used twice, so no row can appear later under
        a number that was passed already.
        """
        rows = db.execute(
            "SELECT item, type, time_ms, query, user, session, seq FROM events "
            "WHERE seq > ? ORDER BY seq",
            (self._counted,),
        )
        while batch := rows.fetchmany(_COUNTED_AT_ONCE):
            self._counters.add_many(row[:3] for row in batch)
            self._queries.add_many(row[:6] for row in batch)
            self._counted = batch[-1][6]
        self._counters.show_many(self._pages.new(db))

    @staticmethod
    def _newest(db: sqlite3.Connection, sql: str, who: str | None, n: int) -> list[Past]:
        if who is None:
            return []
        return [Past(*row) for row in reversed(db.execute(sql, (who, n)).fetchall())]

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            yield self._db

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"state {self.path}: {error}") from error


_ROW: Any = attrgetter("id", "user", "session", "item", "type", "time_ms", "query", "ranking")
