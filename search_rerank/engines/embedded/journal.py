"""Changes that reach a version while another process loads it, kept until it takes them in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from search_rerank.data.item import Item
from search_rerank.engines.base import Document
from search_rerank.engines.embedded.files import open_database, sync_folder

LOADING = "loading"
"""The file that says so, in the folder of a version that is not sealed."""
_FILE = "journal.sqlite"
_TABLE = """
CREATE TABLE change (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, json BLOB, vector BLOB,
    boost REAL, revision INTEGER NOT NULL, replaces TEXT);
"""


@dataclass(frozen=True)
class Change:
    """One entry: a document to write, or (None) an id to remove as of a revision."""

    position: int
    id: str
    document: Document | None
    revision: int


class Journal:
    """Keeps changes in the order they came, on disk before `append` returns.

    Parameters
    ----------
    folder
        Where the version lies.
    timeout_s
        How long one waits for another process that writes or closes it.
    """

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self._folder = folder
        self._timeout_s = timeout_s

    @classmethod
    def make(cls, folder: Path) -> None:
        """Make the journal of a version and say that it is being loaded."""
        connection = sqlite3.connect(folder / _FILE)
        try:
            connection.executescript(_TABLE)
        finally:
            connection.close()
        (folder / LOADING).touch()

    def append(
        self, documents: Sequence[Document], removed: Sequence[str] = (), revision: int = 0
    ) -> bool:
        """Keep changes; False, and nothing kept, where the version is sealed by now."""
        rows: list[tuple[object, ...]] = [
            (
                document.item.id,
                document.item.to_json(),
                None if document.vector is None else document.vector.astype("<f4").tobytes(),
                document.boost,
                document.revision,
                document.replaces,
            )
            for document in documents
        ]
        rows += [(id_, None, None, None, revision, None) for id_ in removed]
        try:
            connection = self._open()
        except sqlite3.OperationalError:
            if (self._folder / LOADING).exists():
                raise
            return False
        with closing(connection):
            # Who seals holds this, too, so what is kept here is taken in before the mark goes.
            connection.execute("BEGIN IMMEDIATE")
            if not (self._folder / LOADING).exists():
                return False
            connection.executemany(
                "INSERT INTO change (id, json, vector, boost, revision, replaces) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
            connection.execute("COMMIT")
        return True

    def changes(self, after: int, limit: int = 500) -> list[Change]:
        """Return the first changes after a position."""
        with closing(self._open()) as connection:
            rows = connection.execute(
                "SELECT position, id, json, vector, boost, revision, replaces FROM change "
                "WHERE position > ? ORDER BY position LIMIT ?",
                (after, limit),
            ).fetchall()
        found = []
        for position, id_, json, blob, boost, revision, replaces in rows:
            document = None
            if json is not None:
                vector = None if blob is None else np.frombuffer(blob, dtype="<f4").copy()
                item = Item.model_validate_json(json)
                document = Document(item, vector, boost, revision, replaces)
            found.append(Change(position, id_, document, revision))
        return found

    def forget(self, up_to: int) -> None:
        """Let go of the changes up to a position."""
        with closing(self._open()) as connection:
            connection.execute("DELETE FROM change WHERE position <= ?", (up_to,))

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep others from adding changes; where this ends well, the version is sealed."""
        with closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            (self._folder / LOADING).unlink()
            sync_folder(self._folder)
        (self._folder / _FILE).unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        connection = open_database(self._folder / _FILE, self._timeout_s)
        connection.execute("PRAGMA synchronous=EXTRA")
        return connection
