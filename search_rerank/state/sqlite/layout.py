"""The tables of a state file, and how a connection to one is made."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from secrets import token_bytes
from time import monotonic, sleep
from typing import Literal

from search_rerank.errors import StateError
from search_rerank.state.sqlite.migration import migrate

Durability = Literal["full", "normal"]
LAYOUT = 2
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE users (number INTEGER PRIMARY KEY AUTOINCREMENT, name NOT NULL UNIQUE);
CREATE TABLE items (number INTEGER PRIMARY KEY, name NOT NULL UNIQUE);
CREATE TABLE types (number INTEGER PRIMARY KEY, name NOT NULL UNIQUE);
CREATE TABLE queries (number INTEGER PRIMARY KEY, name NOT NULL UNIQUE, uses INTEGER NOT NULL);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id NOT NULL,
    owner INTEGER,
    visit INTEGER NOT NULL,
    session,
    item INTEGER NOT NULL,
    type INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    query INTEGER,
    ranking
);
CREATE INDEX events_by_owner ON events (owner, time_ms) WHERE owner IS NOT NULL;
CREATE INDEX events_by_visit ON events (session, time_ms) WHERE visit = 1;
CREATE TABLE event_ids (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID;

CREATE TABLE pages (
    seq INTEGER PRIMARY KEY,
    id NOT NULL,
    owner INTEGER,
    visit INTEGER NOT NULL,
    session,
    query INTEGER,
    items BLOB NOT NULL,
    time_ms INTEGER NOT NULL
);
CREATE INDEX pages_by_owner ON pages (owner, time_ms) WHERE owner IS NOT NULL;
CREATE INDEX pages_by_visit ON pages (session, time_ms) WHERE visit = 1;
CREATE TABLE page_ids (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID;

CREATE TABLE claims (
    session INTEGER, time_ms INTEGER, owner INTEGER NOT NULL, PRIMARY KEY (session, time_ms)
) WITHOUT ROWID;
CREATE TABLE opted_out (who BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE gone (who BLOB PRIMARY KEY, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE corrections (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    seq INTEGER NOT NULL,
    made_s INTEGER NOT NULL DEFAULT (unixepoch()),
    item TEXT,
    type TEXT,
    time_ms INTEGER NOT NULL,
    query TEXT,
    items TEXT,
    user INTEGER,
    session INTEGER
);
CREATE TABLE segments (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    min_ms INTEGER NOT NULL,
    max_ms INTEGER NOT NULL,
    expired_ms INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE claimed (owner INTEGER, seq INTEGER, PRIMARY KEY (owner, seq)) WITHOUT ROWID;
CREATE TABLE rewrites (segment INTEGER, seq INTEGER, PRIMARY KEY (segment, seq)) WITHOUT ROWID;
"""
"""
`owner` is the user whose a row is; `visit` is 1 where it was told under no user, claimed or not.
`query` and other names are numbers in tables of their own, ids compact (`ids.compact`).
In `corrections` users and sessions are `askers.short` of their hashes.
`uses` counts the rows that name a query. `expired_ms`: rows of the segment before it have left the
other tables, `expired` interactions among them; `dropped` is 1 where the file is no longer there.
`unclean` in `meta` is 1 where the write-ahead log may hold what was forgotten. `rewrites` are rows
that a segment must lose yet; `claimed` are rows of visits that are in files only, and whose they
are. `claims` are kept for what comes late, see `claiming.KEPT_DAYS`.
"""
_CACHE_KIB = 16_384


def connect(
    path: Path, durability: Durability, wait_s: float, cache_kib: int = _CACHE_KIB
) -> sqlite3.Connection:
    """Return a connection to a state file, which is made or brought to this layout if need be.

    Parameters
    ----------
    cache_kib
        How much of the file it holds in memory, and how much of what it sorts.

    Raises
    ------
    StateError
        When it is another program's file or a newer release's.
    sqlite3.Error
        When it cannot be opened.
    """
    db = sqlite3.connect(path, timeout=wait_s, isolation_level=None, check_same_thread=False)
    try:
        _prepare_patiently(db, path, durability, wait_s)
        db.execute(f"PRAGMA cache_size = -{cache_kib}")
    except BaseException:
        db.close()
        raise
    return db


def _prepare_patiently(
    db: sqlite3.Connection, path: Path, durability: Durability, wait_s: float
) -> None:
    """Prepare the file; SQLite itself does not wait when several processes turn on WAL."""
    deadline = monotonic() + wait_s
    while True:
        try:
            return _prepare(db, path, durability)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)


def _prepare(db: sqlite3.Connection, path: Path, durability: Durability) -> None:
    _check(db, path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    db.execute("PRAGMA secure_delete = ON")
    if _layout(db) == LAYOUT:
        return
    with db:
        db.execute("BEGIN IMMEDIATE")
        layout = _layout(db)  # another process may have been quicker
        if layout == 0:
            _make(db)
        elif layout == 1:
            migrate(db, lambda: _make(db))
        db.execute(f"PRAGMA user_version = {LAYOUT}")


def _make(db: sqlite3.Connection) -> None:
    for statement in SCHEMA.split(";\n"):
        if statement.strip():
            db.execute(statement)
    zero = ("mark", "sealed", "expired_ms", "pruned", "unclean")
    first = [*((name, 0) for name in zero), ("key", token_bytes(16))]
    db.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", first)


def _layout(db: sqlite3.Connection) -> int:
    layout: int = db.execute("PRAGMA user_version").fetchone()[0]
    return layout


def _check(db: sqlite3.Connection, path: Path) -> None:
    layout = _layout(db)
    if layout not in (0, 1, LAYOUT):
        raise StateError(
            f"state {path}: expected layout {LAYOUT}, found {layout}; it was made by another "
            "release, or is another program's file"
        )
    # Another process may be just making it: then the table is there when the layout is not yet.
    foreign = "SELECT count(*) > 0 AND sum(name = 'events') = 0 FROM sqlite_master"
    if layout == 0 and db.execute(foreign).fetchone()[0]:
        raise StateError(
            f"state {path}: expected a state file, found another program's database; name another "
            "path"
        )
