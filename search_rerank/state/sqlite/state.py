"""State in one SQLite file: durable, and the same for every process of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.errors import StateError
from search_rerank.replacing import state_of
from search_rerank.state.base import Forgotten, ItemCounts, Maintained, Past, Shown
from search_rerank.state.hashed import Hashed
from search_rerank.state.snapshot import save
from search_rerank.state.sqlite.following import Following
from search_rerank.state.sqlite.forgetting import Forgetting
from search_rerank.state.sqlite.ids import Numbers
from search_rerank.state.sqlite.layout import Durability, connect
from search_rerank.state.sqlite.names import Vocabulary
from search_rerank.state.sqlite.reading import Reader
from search_rerank.state.sqlite.segments import LOG, Segments
from search_rerank.state.sqlite.upkeep import Upkeep
from search_rerank.state.sqlite.using import Translated, Using
from search_rerank.state.sqlite.writing import Writer

_SAVED_EVERY = 100_000
"""Rows that a process that starts has to count at most, which takes it about a second."""


class SqliteState:
    """The `State` contract over a write-ahead-logged SQLite file and the segments of its log.

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
    durability
        ``full``: what `append` returned for survives a power cut. ``normal``: it survives a crash
        of the process, a power cut may lose the last moments; several times faster to append.
    wait_s
        How long to wait for another process that is writing.
    retention_days
        How long `maintain` leaves rows in the histories; None for ever.
    segment_events
        How many rows a segment of the log holds.
    log_days
        How long `maintain` keeps segments; None for ever.

    Raises
    ------
    StateError
        When the file is not such a state, was made by a newer release, or cannot be written.
    """

    def __init__(
        self,
        path: Path,
        gains: Mapping[str, float],
        durability: Durability = "full",
        wait_s: float = 10.0,
        retention_days: float | None = None,
        segment_events: int = 50_000,
        log_days: float | None = None,
    ) -> None:
        self.path = path
        self._translated = Translated(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(f"state {path}: cannot make its folder ({error.strerror})") from None
        with self._translated:
            self._db = connect(path, durability, wait_s)
            self._using = Using(path, self._db)
            self._file = _identity(path)
            key = self._db.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()[0]
        items, types = Vocabulary("items"), Vocabulary("types")
        segments = Segments(path.parent / LOG)
        self._hashed = Hashed(key)
        self._writer = Writer(key, items, types)
        self._reader = Reader(items, types)
        counters = path.with_name(f"{path.name}-counters")
        self._following = Following(counters, gains, items, types, segments, self._hashed)
        self._upkeep = Upkeep(path, segments, durability, wait_s, segment_events, Numbers(key))
        self._forgetting = Forgetting(self._upkeep, key)
        self._retention_days, self._log_days = retention_days, log_days
        self._unsaved = False

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions in one transaction, idempotent by event id; return the new ones."""
        if not events:
            return 0
        with self._writing() as db:
            return self._writer.append(db, events)

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown in one transaction, idempotent by id; return the new ones."""
        if not rankings:
            return 0
        with self._writing() as db:
            return self._writer.show(db, rankings)

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first."""
        with self._using as db:
            return self._reader.history(db, user, session, n)

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first."""
        with self._using as db:
            return self._reader.shown(db, user, session, n)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        with self._using as db:
            return self._following.tally(db).item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        with self._using as db:
            return self._following.tally(db).query_counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        with self._using as db:
            return self._following.tally(db).similar_counts(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        with self._using as db:
            return self._following.tally(db).past_queries(prefix, n)

    def own_queries(self, user: str | None, session: str | None, n: int) -> Sequence[str]:
        """Return the queries that a shopper's newest n interactions name, the newest first."""
        with self._using as db:
            return self._reader.own_queries(db, user, session, n)

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        with self._using as db:
            return self._reader.shoppers(db, n)

    def export(self, user: str) -> Iterator[Event]:
        """Yield everything stored of a user, as it was told, in time order."""
        with self._translated:
            found = self._forgetting.find(user)
        for row in found:
            yield row.event

    def forget(self, user: str, now_ms: int) -> Forgotten:
        """Remove everything of a user; what is told of them up to the moment is not stored."""
        with self._translated:
            receipt = self._forgetting.forget(user, now_ms)
        self._save_counters()  # what was saved before is made of the user's rows, too
        return receipt

    def set_opted_out(self, user: str, opted_out: bool) -> None:
        """Store nothing of a user from now on, or do so again; what is stored stays."""
        add = "INSERT OR IGNORE INTO opted_out VALUES (?)"
        drop = "DELETE FROM opted_out WHERE who = ?"
        with self._using as db:
            db.execute(add if opted_out else drop, (self._hashed("user", user),))

    def opted_out(self, user: str) -> bool:
        """Return whether a user opted out."""
        sql = "SELECT 1 FROM opted_out WHERE who = ?"
        with self._using as db:
            return db.execute(sql, (self._hashed("user", user),)).fetchone() is not None

    def expire(self, before_ms: int) -> int:
        """Take interactions and pages before a time out of the histories; return how many."""
        with self._translated:
            return self._upkeep.expire(before_ms, self._save_counters)

    def maintain(self, now_ms: int) -> Maintained:
        """Do some of what is due, for about a second: seal the log, expire, drop old segments."""
        save, log_days = self._save_counters, self._log_days
        with self._translated:
            done = self._upkeep.maintain(now_ms, self._retention_days, log_days, save)
        if done.sealed:
            with self._using as db:
                self._unsaved = self._following.behind(db) >= _SAVED_EVERY
        if self._unsaved and not done.more:  # while there is more to do, it would be soon outdated
            self._save_counters()
            self._unsaved = False
        return done

    def check_writable(self) -> None:
        """Write some pages beside the requests, in the turn of who keeps the file in shape."""
        try:
            with self._translated:
                self._check_file()
                self._upkeep.check_writable()
        except OSError as error:
            raise StateError(f"state {self.path}: {error.strerror}") from None

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first."""
        with self._using as db:
            mark: int = db.execute("SELECT value FROM meta WHERE name = 'mark'").fetchone()[0]
            return mark

    def __len__(self) -> int:
        """Return how many interactions the histories hold."""
        with self._using as db:
            count: int = db.execute("SELECT count(*) FROM events").fetchone()[0]
            return count

    def close(self) -> None:
        """Close the file."""
        with self._using as db:
            db.close()
            self._upkeep.close()

    def _save_counters(self) -> None:
        """Leave the counters of this moment for processes that start later."""
        with self._using as db:
            taken = self._following.take_snapshot(db)
        path = self._following.path
        try:
            save(path, taken)
        except OSError as error:
            raise StateError(f"counters {path}: {error.strerror}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._using as db:
            self._check_file()
            # As a context manager the connection commits, or rolls back what SQLite itself, out of
            # disk, may have rolled back already.
            with db:
                db.execute("BEGIN IMMEDIATE")
                yield db
            self._following.written()

    def _check_file(self) -> None:
        """Refuse to write to a file that nobody finds any more: what is written would be lost."""
        if _identity(self.path) != self._file:
            raise StateError(
                f"state {self.path}: expected the file that was opened, found another or none: "
                "start the service again"
            )


def _identity(path: Path) -> int | None:
    """Return what tells a file from another in its place, None where there is none."""
    found = state_of(path)
    return None if found is None else found[0]
