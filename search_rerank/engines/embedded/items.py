"""The items of one embedded version: a SQLite file with what is stored of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.engines.base import Document, Stored

_TABLES = """
CREATE TABLE IF NOT EXISTS item (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL,
    json BLOB NOT NULL, boost REAL NOT NULL, vector BLOB);
CREATE TABLE IF NOT EXISTS generation (number INTEGER NOT NULL);
INSERT INTO generation SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM generation);
"""
_CHUNK = 500


class ItemFile:
    """Reads or writes the items of one version; writes are seen by others after `commit`.

    A row number is never used twice: an item written again gets a new one, so that a reader who
    still sees the old words never takes one item for another.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        mode = "rwc" if write else "rw"  # a reader of a WAL file may have to create its index
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=30,
            check_same_thread=False,
            isolation_level=None,
        )
        if write:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_TABLES)
            self._connection.execute("BEGIN")

    def put(self, documents: Sequence[Document]) -> list[int]:
        """Write documents with distinct ids and return their row numbers."""
        self.remove(document.item.id for document in documents)
        rows = []
        for document in documents:
            item, vector = document.item, document.vector
            cursor = self._connection.execute(
                "INSERT INTO item (id, hash, json, boost, vector) VALUES (?, ?, ?, ?, ?)",
                (
                    item.id,
                    item.content_hash(),
                    item.to_json(),
                    float(document.boost or 1.0),
                    None if vector is None else vector.astype("<f4").tobytes(),
                ),
            )
            rows.append(int(cursor.lastrowid or 0))
        return rows

    def remove(self, ids: Iterable[str]) -> None:
        """Remove items; ids that are not there are passed over."""
        self._connection.executemany("DELETE FROM item WHERE id = ?", ((id_,) for id_ in ids))

    def commit(self) -> int:
        """Make everything written visible and return the number of this state."""
        self._connection.execute("UPDATE generation SET number = number + 1")
        number = self.generation()
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")
        return number

    def generation(self) -> int:
        """Return the number of the state that is read."""
        return int(self._connection.execute("SELECT number FROM generation").fetchone()[0])

    def count(self) -> int:
        """Return how many items there are."""
        return int(self._connection.execute("SELECT COUNT(*) FROM item").fetchone()[0])

    def columns(
        self,
    ) -> tuple[int, NDArray[np.int64], list[str], NDArray[np.float64], NDArray[np.bool_]]:
        """Return state number, rows (ascending), ids, boosts and whether each has a vector."""
        self._connection.execute("BEGIN")
        try:
            number = self.generation()
            found = self._connection.execute(
                "SELECT row, id, boost, vector IS NOT NULL FROM item ORDER BY row"
            ).fetchall()
        finally:
            self._connection.execute("COMMIT")
        rows, ids, boosts, has = zip(*found, strict=True) if found else ((), (), (), ())
        return (
            number,
            np.array(rows, dtype=np.int64),
            list(ids),
            np.array(boosts, dtype=np.float64),
            np.array(has, dtype=bool),
        )

    def vectors(self) -> Iterable[bytes | None]:
        """Yield the vectors in the order of the rows."""
        for (blob,) in self._connection.execute("SELECT vector FROM item ORDER BY row"):
            yield blob

    def lookup(self, ids: Sequence[str]) -> list[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""
        found: dict[str, Stored] = {}
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            for id_, hash_, json, vector in self._connection.execute(
                f"SELECT id, hash, json, vector FROM item WHERE id IN ({marks})", part
            ):
                array = None if vector is None else np.frombuffer(vector, dtype="<f4").copy()
                found[id_] = Stored(Item.model_validate_json(json), hash_, array)
        return [found.get(id_) for id_ in ids]

    def close(self) -> None:
        """Release the file; what was not committed is gone."""
        self._connection.close()
