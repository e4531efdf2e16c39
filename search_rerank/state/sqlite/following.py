"""Counters of one process that follow a state file, whoever writes to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import orjson

from search_rerank.state import snapshot
from search_rerank.state.hashed import Hashed
from search_rerank.state.queries import Row
from search_rerank.state.sqlite.ids import plain_or_none
from search_rerank.state.sqlite.names import Vocabulary
from search_rerank.state.sqlite.segments import Segments
from search_rerank.state.tally import Arrays, Page, Tally

_COUNTED_AT_ONCE = 50_000
_ROWS = """
SELECT e.item, e.type, e.time_ms, q.name, CASE e.visit WHEN 0 THEN u.name END,
    CASE WHEN e.query IS NOT NULL THEN e.session END
FROM events e LEFT JOIN queries q ON q.number = e.query
    LEFT JOIN users u ON u.number = e.owner AND e.query IS NOT NULL
WHERE e.seq > ? ORDER BY e.seq
"""
_PAGES = "SELECT items, time_ms FROM pages WHERE seq > ? ORDER BY seq"
_CORRECTIONS = """
SELECT number, seq, item, type, time_ms, query, items, user, session FROM corrections
WHERE number > ? ORDER BY number
"""


class Following:
    """Counts each row once, and takes back what was forgotten.

    Each method takes a connection that nobody else uses meanwhile.

    Parameters
    ----------
    path
        Of the snapshot that counting begins with.
    gains
        Weight of each interaction type.
    items, types
        Numbers of names.
    segments
        What has left the file.
    hashed
        Under the file's key: snapshots of another one are not used.
    """

    def __init__(
        self,
        path: Path,
        gains: Mapping[str, float],
        items: Vocabulary,
        types: Vocabulary,
        segments: Segments,
        hashed: Hashed,
    ) -> None:
        self.path = path
        self._gains = gains
        self._items, self._types = items, types
        self._segments = segments
        self._hashed = hashed
        self._identity = int.from_bytes(hashed.key[:6])
        self._tally: Tally | None = None
        self._counted = self._corrected = self._saved = 0
        self._version = -1

    def written(self) -> None:
        """Note that this process wrote: SQLite tells only what others did."""
        self._version = -1

    def tally(self, db: sqlite3.Connection) -> Tally:
        """Return the counters with all that was appended, here or elsewhere, until now."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if self._tally is None or version != self._version:
            with db:
                db.execute("BEGIN")  # what is read below is of one moment
                self._tally = self._follow(db)
            self._version = version
        return self._tally

    def behind(self, db: sqlite3.Connection) -> int:
        """Return how many rows the last snapshot that this process loaded or took lacks."""
        self.tally(db)
        return self._counted - self._saved

    def take_snapshot(self, db: sqlite3.Connection) -> Arrays:
        """Return a snapshot of the counters as of now, to be saved under `path`."""
        tally = self.tally(db)
        self._saved = self._counted
        marks = {"counted": self._counted, "corrected": self._corrected, "of": self._identity}
        return snapshot.take(tally, marks)

    def _follow(self, db: sqlite3.Connection) -> Tally:
        tally = self._tally
        pruned, mark = _meta(db, "pruned"), _meta(db, "mark")
        if tally is None or self._corrected < pruned:
            tally = self._begin(pruned, mark)
        # A row that was not counted yet when it went is not among those that follow.
        rows: list[Row] = []
        pages: list[Page] = []
        for number, seq, item, type_, time_ms, query, items, user, session in db.execute(
            _CORRECTIONS, (self._corrected,)
        ):
            if seq <= self._counted and items is None:
                rows.append((item, type_, time_ms, query, user, session))
            elif seq <= self._counted:
                pages.append((orjson.loads(items), time_ms))
            self._corrected = number
        if rows or pages:
            tally.take_back(rows, pages)
        self._count(db, tally)
        self._counted = mark
        return tally

    def _begin(self, pruned: int, mark: int) -> Tally:
        found = snapshot.load(self.path, self._gains)
        if found is not None:
            tally, marks = found
            fits = marks.get("of") == self._identity and marks["counted"] <= mark
            if fits and marks["corrected"] >= pruned:
                self._counted, self._corrected = marks["counted"], marks["corrected"]
                self._saved = self._counted
                return tally
        self._counted, self._corrected = 0, pruned
        return Tally(self._gains, self._hashed)

    def _count(self, db: sqlite3.Connection, tally: Tally) -> None:
        events = _gone_events(self._segments, db, self._counted)
        while rows := list(islice(events, _COUNTED_AT_ONCE)):
            tally.add(rows)
        lists = _gone_pages(self._segments, db, self._counted)
        while pages := list(islice(lists, _COUNTED_AT_ONCE)):
            tally.show(pages)
        name, of_type = self._items.name, self._types.name
        found = db.execute(_ROWS, (self._counted,))
        while batch := found.fetchmany(_COUNTED_AT_ONCE):
            tally.add(
                (
                    name(db, item),
                    of_type(db, type_),
                    time_ms,
                    query,
                    plain_or_none(user),
                    plain_or_none(session),
                )
                for item, type_, time_ms, query, user, session in batch
            )
        shown = db.execute(_PAGES, (self._counted,))
        while batch := shown.fetchmany(_COUNTED_AT_ONCE):
            packed, times = zip(*batch, strict=True)
            tally.show(zip(self._items.unpacked(db, packed), times, strict=True))


def _gone_events(segments: Segments, db: sqlite3.Connection, after: int) -> Iterator[Row]:
    for row in segments.expired(db, after):
        if row["event"] == "interaction":
            get = row.get
            yield (
                row["item"], row["type"], row["timestamp"], get("query"), get("user"),
                get("session"),
            )  # fmt: skip


def _gone_pages(segments: Segments, db: sqlite3.Connection, after: int) -> Iterator[Page]:
    for row in segments.expired(db, after):
        if row["event"] == "ranking":
            yield row["items"], row["timestamp"]


def _meta(db: sqlite3.Connection, name: str) -> int:
    value: int = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
    return value
