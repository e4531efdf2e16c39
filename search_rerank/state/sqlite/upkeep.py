"""What keeps a state file in shape, beside the requests: sealing, retention, files written anew."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import merge
from pathlib import Path
from threading import Lock
from time import monotonic

from search_rerank.state.base import Maintained
from search_rerank.state.sqlite.claiming import prune_claims
from search_rerank.state.sqlite.expiry import Expiry
from search_rerank.state.sqlite.ids import Numbers
from search_rerank.state.sqlite.layout import Durability, connect
from search_rerank.state.sqlite.lines import line_of_ranking, line_of_told
from search_rerank.state.sqlite.names import Vocabulary
from search_rerank.state.sqlite.reading import Reader
from search_rerank.state.sqlite.segments import Segments, rewritten

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_AT_ONCE_S = 1.0
_PATIENCE_MS = 200
_CACHE_KIB = 2_048
"""Of a thread that works now and then: a segment sorted in one large block, once that is freed, has
the allocator keep as much for every other thread."""
_PROBE_BYTES = 65_536
_CORRECTIONS_S = 86_400
"""How long corrections wait for processes that do not ask for counters."""
_RANGE = "WHERE e.seq > ? AND e.seq <= ? ORDER BY e.time_ms, e.seq"


class Upkeep:
    """Work that one process does at a time, with a connection and a lock of its own.

    Parameters
    ----------
    path
        The state file.
    segments
        The files of its log.
    durability, wait_s
        As of `SqliteState`.
    segment_events
        How many rows a segment gets.
    numbers
        Of ids.
    """

    def __init__(
        self,
        path: Path,
        segments: Segments,
        durability: Durability,
        wait_s: float,
        segment_events: int,
        numbers: Numbers,
    ) -> None:
        self.segments = segments
        self.reader = Reader(Vocabulary("items"), Vocabulary("types"))
        self._path = path
        self._durability, self._wait_s = durability, wait_s
        self._segment_events = segment_events
        self._expiry = Expiry(segments, numbers)
        self._db: sqlite3.Connection | None = None
        self._lock = Lock()

    @contextmanager
    def alone(self, wait: bool = True) -> Iterator[sqlite3.Connection | None]:
        """Lend the connection while nobody else keeps the file in shape.

        None where another does and one is not to wait.
        """
        if not self._lock.acquire(blocking=wait):
            yield None
            return
        try:
            with self._path.with_name(f"{self._path.name}-lock").open("ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                except BlockingIOError:
                    yield None
                    return
                if self._db is None:
                    self._db = connect(self._path, self._durability, self._wait_s, _CACHE_KIB)
                yield self._db
        finally:
            self._lock.release()

    def maintain(
        self,
        now_ms: int,
        retention_days: float | None,
        log_days: float | None,
        save_counters: Callable[[], None],
    ) -> Maintained:
        """Do some of what is due; counters are saved before segments are dropped."""
        until = monotonic() + _AT_ONCE_S
        with self.alone(wait=False) as db:
            if db is None:
                return Maintained()
            self.finish(db)
            sealed = expired = dropped = 0
            while monotonic() < until and self.seal(db):
                sealed += 1
            if sealed:
                prune_claims(db, now_ms)
            if retention_days is not None:
                # By whole hours: each segment that is cut is read once for it.
                before_ms = now_ms - int(retention_days * _DAY_MS)
                expired = self._expire(db, before_ms - before_ms % _HOUR_MS, until)
            if log_days is not None:
                dropped = self._expiry.drop(db, now_ms - int(log_days * _DAY_MS), save_counters)
            more = monotonic() >= until
        return Maintained(sealed, expired, dropped, more)

    def check_writable(self) -> None:
        """Write as much as a batch of events takes, and take it back; wait for no other upkeep."""
        with self.alone(wait=False) as db:
            if db is None:
                return
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("INSERT INTO meta VALUES ('probe', zeroblob(?))", (_PROBE_BYTES,))
                db.execute("DELETE FROM meta WHERE name = 'probe'")

    def expire(self, before_ms: int, save_counters: Callable[[], None]) -> int:
        """Take rows before a time out of the histories; return how many."""
        with self.alone() as db:
            assert db is not None
            self.finish(db)
            save_counters()
            return self._expire(db, before_ms, float("inf"))

    def seal(self, db: sqlite3.Connection, all_: bool = False) -> bool:
        """Write the oldest rows that are in no segment to one; return whether there were enough.

        Parameters
        ----------
        all_
            Take what there is.
        """
        sealed, mark = _meta(db, "sealed"), _meta(db, "mark")
        last = mark if all_ else sealed + self._segment_events
        if last > mark or last == sealed:
            return False
        times: list[int] = []
        (before,) = db.execute(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'segments'"
        ).fetchone()
        number = before + 1
        self.segments.write(number, self._lines(db, sealed, last, times))
        with db:
            db.execute("BEGIN IMMEDIATE")
            if times:
                db.execute(
                    "INSERT INTO segments (number, first, last, min_ms, max_ms) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (number, sealed + 1, last, times[0], times[-1]),
                )
            db.execute("UPDATE meta SET value = ? WHERE name = 'sealed'", (last,))
        return True

    def finish(self, db: sqlite3.Connection) -> int:
        """Do what a process that was killed, or had to wait, left; return how many files."""
        numbers = [n for (n,) in db.execute("SELECT DISTINCT segment FROM rewrites")]
        for number in numbers:
            if not self.segments.write_without(number, rewritten(db, number)):
                self._expiry.drop_one(db, number)
            db.execute("DELETE FROM rewrites WHERE segment = ?", (number,))
        self.segments.sweep()
        self._prune(db)
        if _meta(db, "unclean"):
            self.empty_log(db)
        return len(numbers)

    def empty_log(self, db: sqlite3.Connection) -> bool:
        """Empty the write-ahead log; return whether no reader kept some of it."""
        db.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")  # writers wait meanwhile
        (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        db.execute(f"PRAGMA busy_timeout = {int(self._wait_s * 1000)}")
        db.execute("UPDATE meta SET value = ? WHERE name = 'unclean' AND value <> ?", (busy, busy))
        return not busy

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _expire(self, db: sqlite3.Connection, before_ms: int, until: float) -> int:
        if self._expiry.begin(db, before_ms):
            while self.seal(db, all_=True):
                pass
        return self._expiry.expire(db, before_ms, until)

    def _lines(
        self, db: sqlite3.Connection, after: int, until: int, times: list[int]
    ) -> Iterator[bytes]:
        """Yield the lines of a range of numbers in time order, and note their times."""
        told = (
            (row.time_ms, seq, line_of_told(seq, row))
            for seq, row in self.reader.told(db, _RANGE, (after, until))
        )
        pages = (
            (page.time_ms, seq, line_of_ranking(seq, page))
            for seq, page in self.reader.rankings(db, _RANGE, (after, until))
        )
        for time_ms, _, line in merge(told, pages):
            times.append(time_ms)
            yield line

    def _prune(self, db: sqlite3.Connection) -> None:
        """Drop corrections that every process had a day to follow."""
        due = "SELECT max(number) FROM corrections WHERE made_s < unixepoch() - ?"
        (last,) = db.execute(due, (_CORRECTIONS_S,)).fetchone()
        if last is not None:
            with db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("DELETE FROM corrections WHERE number <= ?", (last,))
                db.execute("UPDATE meta SET value = ? WHERE name = 'pruned'", (last,))
                db.execute("UPDATE meta SET value = 1 WHERE name = 'unclean'")


def _meta(db: sqlite3.Connection, name: str) -> int:
    value: int = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
    return value
