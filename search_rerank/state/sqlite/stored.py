"""The log that a state file and its segments hold, read back for what learns from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Self, TypeVar

from search_rerank.data.event import Ranking, Told
from search_rerank.data.learnt import LearntFrom
from search_rerank.errors import StateError
from search_rerank.state.sqlite.ids import compact
from search_rerank.state.sqlite.lines import Line, ranking_of_line, told_of_line
from search_rerank.state.sqlite.names import Vocabulary, number_of_user
from search_rerank.state.sqlite.reading import Reader
from search_rerank.state.sqlite.segments import LOG, Segment, Segments
from search_rerank.state.sqlite.using import Translated

T = TypeVar("T", Told, Ranking)
Numbered = tuple[int, int, T]
"""Time, number, and what was told."""
_NEVER = 2**63 - 1
_IN_TIME = "ORDER BY e.time_ms, e.seq"
_APPENDED = "WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq"
_NEW = "WHERE e.seq > ? OR e.time_ms >= ? OR e.item IN (SELECT number FROM temp.asked_items)"
_OF = """
WHERE (e.visit = 0 AND e.owner IN (SELECT number FROM temp.asked_users))
    OR (e.visit = 1 AND e.session IN (SELECT name FROM temp.asked_sessions))
"""


class StoredLog:
    """The `Log` contract over a state file and its segments, as they are at one moment.

    What the histories still hold is read from the file, the rest from the segments, of which as
    many are open at a time as overlap in time.

    Parameters
    ----------
    path
        A file that `SqliteState` has made.

    Raises
    ------
    StateError
        When it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._translated = Translated(path)
        self._segments = Segments(path.parent / LOG)
        self._items, types = Vocabulary("items"), Vocabulary("types")
        self._reader = Reader(self._items, types)
        with self._translated:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            with self._translated:
                self._db.isolation_level = None
                for asked in ("items (number)", "users (number)", "sessions (name)"):
                    self._db.execute(f"CREATE TEMP TABLE asked_{asked}")
                self._db.execute("BEGIN")  # every read below sees what this first one sees
                mark = "SELECT value FROM meta WHERE name = 'mark'"
                self.mark: int = self._db.execute(mark).fetchone()[0]
        except StateError:
            self._db.close()
            raise

    @property
    def name(self) -> str:
        """The path of its file."""
        return str(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def all(self) -> Iterator[Told]:
        """Yield every interaction, in time order; ties in the order of appending."""
        return self._told(_IN_TIME, lambda row: True)

    def pages(self) -> Iterator[Ranking]:
        """Yield everything that was shown, in time order; ties in the order of appending."""
        with self._translated:
            gone = self._filed("ranking", ranking_of_line, lambda row: True)
            rows = self._reader.rankings(self._db, _IN_TIME)
            held = ((page.time_ms, seq, page) for seq, page in rows)
            for _, _, page in merge(gone, held, key=itemgetter(0, 1)):
                yield page

    def appended(self, after: int, until: int) -> Iterator[Told]:
        """Yield what was appended past one mark and up to another, in the order of appending."""
        with self._translated:
            gone = self._filed_between("interaction", told_of_line, after, until)
            held = self._reader.told(self._db, _APPENDED, (after, until))
            for _, told in merge(gone, held, key=itemgetter(0)):
                yield told

    def shown(self, after: int, until: int) -> Iterator[Ranking]:
        """Yield what was shown past one mark and up to another, in the order of appending."""
        with self._translated:
            gone = self._filed_between("ranking", ranking_of_line, after, until)
            held = self._reader.rankings(self._db, _APPENDED, (after, until))
            for _, page in merge(gone, held, key=itemgetter(0)):
                yield page

    def new(self, learnt: LearntFrom, items: Collection[str] = ()) -> Iterator[Told]:
        """Yield what is not part of what was learnt from, in time order; see `Log.new`."""
        mark = _NEVER if learnt.mark is None else learnt.mark
        asked = frozenset(items)
        with self._translated:
            self._ask("asked_items", self._items.known(self._db, asked))

        def is_new(row: Line) -> bool:
            return row["seq"] > mark or row["timestamp"] >= learnt.until_ms or row["item"] in asked

        return self._told(f"{_NEW} {_IN_TIME}", is_new, (mark, learnt.until_ms))

    def of(self, users: Collection[str], sessions: Collection[str]) -> Iterator[Told]:
        """Yield every interaction told of users, and of sessions under no user, in time order."""
        users, sessions = frozenset(users), frozenset(sessions)
        with self._translated:
            found = (number_of_user(self._db, user) for user in users)
            self._ask("asked_users", [number for number in found if number is not None])
            self._ask("asked_sessions", map(compact, sessions))

        def is_theirs(row: Line) -> bool:
            user = row.get("user")
            return user in users or (user is None and row.get("session") in sessions)

        return self._told(f"{_OF} {_IN_TIME}", is_theirs)

    def items(self) -> set[str]:
        """Return every item that something happened to."""
        with self._translated:
            rows = self._db.execute("SELECT DISTINCT item FROM events").fetchall()
            held = {self._items.name(self._db, number) for (number,) in rows}
            filed = (row for one in self._filed_segments() for row in self._rows(one))
            return held | {row["item"] for row in filed if row["event"] == "interaction"}

    def count_before(self, time_ms: int) -> int:
        """Return how many interactions lie before a time."""
        with self._translated:
            sql = "SELECT count(*) FROM events WHERE time_ms < ?"
            count: int = self._db.execute(sql, (time_ms,)).fetchone()[0]
            for segment in self._filed_segments():
                if min(segment.expired_ms, segment.max_ms + 1) <= time_ms:
                    count += segment.expired
                elif segment.min_ms < time_ms:
                    count += sum(
                        row["event"] == "interaction" and row["timestamp"] < time_ms
                        for row in self._rows(segment)
                    )
        return count

    def _told(
        self, where: str, wanted: Callable[[Line], bool], values: tuple[int, ...] = ()
    ) -> Iterator[Told]:
        with self._translated:
            gone = self._filed("interaction", told_of_line, wanted)
            rows = self._reader.told(self._db, where, values)
            held = ((told.time_ms, seq, told) for seq, told in rows)
            for _, _, told in merge(gone, held, key=itemgetter(0, 1)):
                yield told

    def _filed(
        self, event: str, read: Callable[[Line], T], wanted: Callable[[Line], bool]
    ) -> Iterator[Numbered[T]]:
        """Yield what only segments hold, in time order: each is opened when its time comes."""
        for row in self._segments.in_time(self._db, self._filed_segments()):
            if row["event"] == event and wanted(row):
                yield row["timestamp"], row["seq"], read(row)

    def _filed_between(
        self, event: str, read: Callable[[Line], T], after: int, until: int
    ) -> Iterator[tuple[int, T]]:
        for segment in self._filed_segments():
            if segment.last > after and segment.first <= until:
                rows = [
                    (row["seq"], read(row))
                    for row in self._rows(segment)
                    if row["event"] == event and after < row["seq"] <= until
                ]
                yield from sorted(rows, key=itemgetter(0))

    def _filed_segments(self) -> list[Segment]:
        return [one for one in self._segments.all(self._db) if one.holds_more]

    def _rows(self, segment: Segment) -> Iterator[Line]:
        return self._segments.expired_of(self._db, segment)

    def _ask(self, table: str, values: Iterable[object]) -> None:
        self._db.execute(f"DELETE FROM temp.{table}")
        self._db.executemany(f"INSERT INTO temp.{table} VALUES (?)", ((one,) for one in values))
