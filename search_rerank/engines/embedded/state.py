"""What one embedded version is at: the numbers that tie its items, words and vectors together."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

ITEMS = "items.sqlite"
GENERATION = "generation"
"""Its time stamp tells readers to look; written last."""


@dataclass(frozen=True)
class State:
    """One state of a version, stored in the same transaction as its items.

    Parameters
    ----------
    number
        Counts the states.
    count
        Items.
    next_row
        Number of the next row; none is used twice in states that were finished.
    next_slot
        Place of the next vector in the file of this epoch.
    epoch
        Counts the compactions: another one has its slots elsewhere.
    covered
        Slots before this one are in the graphs; 0 without any.
    words
        Which folder of words belongs to it.
    dead
        Rows removed since the last compaction.
    journaled
        Changes of the journal up to here are in it.
    """

    number: int = 0
    count: int = 0
    next_row: int = 1
    next_slot: int = 0
    epoch: int = 1
    covered: int = 0
    words: int = 0
    dead: int = 0
    journaled: int = 0

    @property
    def words_folder(self) -> str:
        """Name of the folder of words."""
        return f"words-{self.words:06d}"

    @property
    def vectors_file(self) -> str:
        """Name of the file of vectors."""
        return f"vectors-{self.epoch:06d}.f32"

    @property
    def graph_files(self) -> tuple[str, ...]:
        """Names of the files of the graphs: each has its share of the slots."""
        if not self.covered:
            return ()
        stem = f"graph-{self.epoch:06d}-{self.covered}"
        return tuple(f"{stem}-{share}.usearch" for share in range(_GRAPHS))


_GRAPHS = 2
"""One thread makes each: usearch makes no use of two for the same graph."""
COLUMNS = ", ".join(field.name for field in fields(State))
TABLES = f"""
CREATE TABLE item (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, json BLOB NOT NULL,
    boost REAL NOT NULL, revision INTEGER NOT NULL, slot INTEGER);
CREATE TABLE gone (row INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE tombstone (id TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE state ({COLUMNS});
INSERT INTO state VALUES {astuple(State())};
"""
"""`gone` are rows removed since the last compaction, and by which state; `tombstone` keeps what
was removed during a load out of it."""
