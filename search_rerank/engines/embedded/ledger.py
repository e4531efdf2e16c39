"""The items of one embedded version as their one writer sees them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from search_rerank.engines.embedded.files import open_database
from search_rerank.engines.embedded.state import COLUMNS, ITEMS, TABLES, State
from search_rerank.engines.revisions import Kept

_BUSY_S = 30.0
_CHUNK = 500
_CACHE_KB = 16_000
_MARKS = ", ".join("?" * len(COLUMNS.split(", ")))

NewRow = tuple[int, str, str, bytes, float, int, int | None]
"""row, id, hash, json, boost, revision, slot"""


@dataclass(frozen=True)
class Known(Kept):
    """What is stored of an item that is written again, and in which row."""

    row: int


class Ledger:
    """Writes items; readers see them after `commit`, and what is not committed is forgotten."""

    def __init__(self, folder: Path) -> None:
        self._connection = open_database(folder / ITEMS, _BUSY_S)
        # Without FULL a commit could be lost with the power.
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
        self._connection.execute("BEGIN IMMEDIATE")
        self.state = State(*self._connection.execute(f"SELECT {COLUMNS} FROM state").fetchone())

    def known(self, ids: Collection[str]) -> dict[str, Known]:
        """Return what is stored of items, by id."""
        return {
            row[0]: Known(*row[1:])
            for row in self._of(ids, "id, hash, boost, revision, row", "item")
        }

    def removed(self, ids: Collection[str]) -> dict[str, int]:
        """Return as of which revision items were removed, by id, where that is remembered."""
        return dict(self._of(ids, "id, revision", "tombstone"))

    def put(self, rows: Sequence[NewRow]) -> None:
        """Add rows of items of which none is stored."""
        self._connection.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows."""
        self._connection.executemany("DELETE FROM item WHERE row = ?", ((row,) for row in rows))
        number = self.state.number + 1
        self._connection.executemany(
            "INSERT INTO gone VALUES (?, ?)", ((row, number) for row in rows)
        )

    def advance(self, revisions: Sequence[tuple[int, int]]) -> None:
        """Set the revisions of rows, as (revision, row)."""
        self._connection.executemany("UPDATE item SET revision = ? WHERE row = ?", revisions)

    def remember(self, ids: Sequence[str], revision: int) -> None:
        """Remember that items were removed as of a revision, or of a later one known already."""
        self._connection.executemany(
            "INSERT INTO tombstone VALUES (?, ?) ON CONFLICT (id) DO UPDATE "
            "SET revision = max(revision, excluded.revision)",
            ((id_, revision) for id_ in ids),
        )

    def forget(self, ids: Collection[str]) -> None:
        """Remember no more that items were removed."""
        self._connection.executemany("DELETE FROM tombstone WHERE id = ?", ((id_,) for id_ in ids))

    def forget_all(self) -> None:
        """Remember no removal."""
        self._connection.execute("DELETE FROM tombstone")

    def documents(self) -> Iterator[tuple[int, bytes, float]]:
        """Yield row, JSON and boost of all items."""
        reading = self._connection.cursor()
        yield from reading.execute("SELECT row, json, boost FROM item ORDER BY row")

    def slots(self) -> list[int]:
        """Return the slots of all vectors, ascending by row."""
        found = self._connection.execute(
            "SELECT slot FROM item WHERE slot IS NOT NULL ORDER BY row"
        )
        return [slot for (slot,) in found]

    def move_slots(self) -> None:
        """Give all vectors slots from 0, ascending by row; no row counts as gone any more."""
        rows = self._connection.execute(
            "SELECT row FROM item WHERE slot IS NOT NULL ORDER BY row"
        ).fetchall()
        self._connection.executemany(
            "UPDATE item SET slot = ? WHERE row = ?", ((n, row) for n, (row,) in enumerate(rows))
        )
        self._connection.execute("DELETE FROM gone")

    def commit(self, state: State) -> None:
        """Make everything durable and visible, as this state."""
        self._connection.execute(f"UPDATE state SET ({COLUMNS}) = ({_MARKS})", astuple(state))
        self._connection.execute("COMMIT")
        self.state = state
        self._connection.execute("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Release the file; what was not committed is gone."""
        self._connection.close()

    def _of(self, ids: Collection[str], columns: str, table: str) -> Iterator[tuple[Any, ...]]:
        every = list(ids)
        for start in range(0, len(every), _CHUNK):
            part = every[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            yield from self._connection.execute(
                f"SELECT {columns} FROM {table} WHERE id IN ({marks})", part
            )


def make_items(folder: Path) -> None:
    """Make the file of a version without items."""
    connection = sqlite3.connect(folder / ITEMS)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(TABLES)
    finally:
        connection.close()
