"""The log that a state file holds, read back for what learns from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import orjson

from search_rerank.data.event import Ranking, Told
from search_rerank.data.learnt import LearntFrom
from search_rerank.errors import StateError

_COLUMNS = ", ".join(Told._fields)
_READ_AT_ONCE = 50_000
_NEVER = 2**63 - 1
_IN_TIME = "ORDER BY time_ms, seq"
_ALL = f"SELECT {_COLUMNS} FROM events {_IN_TIME}"
_NEW = f"""
SELECT {_COLUMNS} FROM events
WHERE seq > ? OR time_ms >= ? OR item IN (SELECT value FROM json_each(?)) {_IN_TIME}
"""
_OF = f"""
SELECT {_COLUMNS} FROM events
WHERE user IN (SELECT value FROM json_each(?))
   OR (user IS NULL AND session IN (SELECT value FROM json_each(?))) {_IN_TIME}
"""
_APPENDED = f"SELECT {_COLUMNS} FROM events WHERE seq > ? AND seq <= ? ORDER BY seq"

_PAGES = f"SELECT id, user, session, query, items, time_ms FROM pages {_IN_TIME}"
_SHOWN = """
SELECT id, user, session, query, items, time_ms FROM pages WHERE seq > ? AND seq <= ? ORDER BY seq
"""


class StoredLog:
    """The interactions of a state file as they are at one moment, whoever writes meanwhile.

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
        with self._translated():
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            with self._translated():
                self._db.isolation_level = None
                self._db.execute("BEGIN")  # every read below sees what this first one sees
                self.mark: int = self._db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
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
        """Yield every interaction, in time order."""
        return self._read(_ALL, ())

    def pages(self) -> Iterator[Ranking]:
        """Yield everything that was shown, in time order."""
        return self._read_pages(_PAGES, ())

    def appended(self, after: int, until: int) -> Iterator[Told]:
        """Yield what was appended past one mark and up to another, in the order of appending."""
        return self._read(_APPENDED, (after, until))

    def shown(self, after: int, until: int) -> Iterator[Ranking]:
        """Yield what was shown past one mark and up to another, in the order of appending."""
        return self._read_pages(_SHOWN, (after, until))

    def _read_pages(self, sql: str, values: tuple[int, ...]) -> Iterator[Ranking]:
        with self._translated():
            rows = self._db.execute(sql, values)
            while batch := rows.fetchmany(_READ_AT_ONCE):
                for id_, user, session, query, items, time_ms in batch:
                    yield Ranking.model_construct(
                        id=id_,
                        user=user,
                        session=session,
                        query=query,
                        items=tuple(orjson.loads(items)),
                        time_ms=time_ms,
                    )

    def new(self, learnt: LearntFrom, items: Collection[str] = ()) -> Iterator[Told]:
        """Yield what is not part of what was learnt from, in time order.

        Parameters
        ----------
        items
            Items that were unknown then: all that ever happened to them is new.
        """
        mark = _NEVER if learnt.mark is None else learnt.mark
        return self._read(_NEW, (mark, learnt.until_ms, _listed(items)))

    def of(self, users: Collection[str], sessions: Collection[str]) -> Iterator[Told]:
        """Yield every interaction of users, and of sessions under no user, in time order."""
        return self._read(_OF, (_listed(users), _listed(sessions)))

    def items(self) -> set[str]:
        """Return every item that something happened to."""
        with self._translated():
            return {item for (item,) in self._db.execute("SELECT DISTINCT item FROM events")}

    def count_before(self, time_ms: int) -> int:
        """Return how many interactions lie before a time."""
        with self._translated():
            row = self._db.execute("SELECT count(*) FROM events WHERE time_ms < ?", (time_ms,))
            count: int = row.fetchone()[0]
            return count

    def _read(self, sql: str, values: tuple[int | str, ...]) -> Iterator[Told]:
        with self._translated():
            rows = self._db.execute(sql, values)
            while batch := rows.fetchmany(_READ_AT_ONCE):
                yield from map(Told._make, batch)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"state {self.path}: {error}") from error


def _listed(values: Collection[str]) -> str:
    return orjson.dumps(sorted(values)).decode()
