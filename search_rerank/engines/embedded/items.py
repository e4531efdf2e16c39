"""The items of one embedded version as readers see them: a SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from search_rerank.data.item import Item
from search_rerank.engines.base import Stored
from search_rerank.engines.embedded.files import open_database
from search_rerank.engines.embedded.state import COLUMNS, ITEMS, State

_BUSY_S = 30.0
_CHUNK = 500
_MOST_ITEMS = 4_096
_MOST_HASHES = 20_000
"""About 5 MB; rules ask for those of the same items again and again."""


class ItemFile:
    """Reads the items of one version, always the newest finished state.

    Parameters
    ----------
    folder
        Where the version lies.
    dim
        Length of its vectors.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self._folder = folder
        self._dim = dim
        self._connection = open_database(folder / ITEMS, _BUSY_S)
        self._known: dict[str, Item] = {}
        self._hashes: dict[str, str | None] = {}
        self._hashes_of: int | None = None
        """Which state of the file the hashes are of, as SQLite numbers what others write."""

    def state(self) -> State:
        """Return where the version is at."""
        return State(*self._connection.execute(f"SELECT {COLUMNS} FROM state").fetchone())

    def changes(
        self, since: State | None
    ) -> tuple[State, list[tuple[int, str, float, int | None]], list[int] | None]:
        """Return what a reader must know to be at the newest state.

        Returns
        -------
        state
            The newest.
        added
            (row, id, boost, slot of the vector) of rows added since, by row.
        gone
            Rows removed since; None where `added` is all, because slots were moved or `since` is
            None.
        """
        with self._at_once():
            state = self.state()
            follows = since is not None and since.epoch == state.epoch
            first = since.next_row if since is not None and follows else 0
            added = self._connection.execute(
                "SELECT row, id, boost, slot FROM item WHERE row >= ? ORDER BY row", (first,)
            ).fetchall()
            gone = None
            if since is not None and follows:
                gone = [
                    row
                    for (row,) in self._connection.execute(
                        "SELECT row FROM gone WHERE number > ? AND row < ?",
                        (since.number, since.next_row),
                    )
                ]
        return state, added, gone

    def hashes(self, ids: Sequence[str]) -> list[str | None]:
        """Return the content hashes of items, in the order asked, None for ids not there."""
        (now,) = self._connection.execute("PRAGMA data_version").fetchone()
        known = self._hashes
        if now != self._hashes_of:
            known.clear()
            self._hashes_of = now
        lacking = [id_ for id_ in ids if id_ not in known]
        if lacking:
            if len(known) + len(lacking) > _MOST_HASHES:
                known.clear()
                lacking = list(ids)
            known.update(dict.fromkeys(lacking))
            known.update(self._of(lacking, "id, hash"))
        return [known[id_] for id_ in ids]

    def ids_of(self, rows: Sequence[int]) -> dict[int, str]:
        """Return row to id of those that are there."""
        found: dict[int, str] = {}
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            statement = f"SELECT row, id FROM item WHERE row IN ({marks})"
            found.update(self._connection.execute(statement, part))
        return found

    def lookup(self, ids: Sequence[str]) -> list[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""
        found: dict[str, Stored] = {}
        size = self._dim * 4
        with self._at_once():
            file = self._folder / self.state().vectors_file
            descriptor = os.open(file, os.O_RDONLY)
            try:
                for id_, hash_, json, slot in self._of(ids, "id, hash, json, slot"):
                    vector = None
                    if slot is not None:
                        data = os.pread(descriptor, size, slot * size)
                        vector = np.frombuffer(data, dtype="<f4").copy()
                    found[id_] = Stored(Item.model_validate_json(json), hash_, vector)
            finally:
                os.close(descriptor)
        return [found.get(id_) for id_ in ids]

    def items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items, in the order asked, None for ids not there; those read lately are kept."""
        known = self._known
        if len(known) + len(ids) > _MOST_ITEMS:
            known.clear()
        hashes = dict(zip(ids, self.hashes(ids), strict=True))
        lacking = [id_ for id_, hash_ in hashes.items() if hash_ and hash_ not in known]
        for id_, hash_, json in self._of(lacking, "id, hash, json"):
            hashes[id_] = hash_
            known[hash_] = Item.model_validate_json(json)
        return [known.get(hashes[id_] or "") for id_ in ids]

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def _of(self, ids: Sequence[str], columns: str) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            marks = ",".join("?" * len(part))
            yield from self._connection.execute(
                f"SELECT {columns} FROM item WHERE id IN ({marks})", part
            )

    @contextmanager
    def _at_once(self) -> Iterator[sqlite3.Connection]:
        """Read one state, whatever is finished meanwhile."""
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            self._connection.execute("COMMIT")
