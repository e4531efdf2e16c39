"""A connection for one thread at a time, and SQLite's errors as the state's.

Requests enter these several times each: classes, which cost a third of what generators do.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import RLock

from search_rerank.errors import StateError


class Translated:
    """Raises what SQLite raises inside as a `StateError` that names the file.

    Parameters
    ----------
    path
        Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Change nothing."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise an error of SQLite anew."""
        if isinstance(error, sqlite3.Error):
            raise StateError(f"state {self._path}: {error}") from error


class Using:
    """Lends a connection to one thread at a time, which may borrow it again meanwhile.

    Parameters
    ----------
    path, db
        The file, and a connection to it.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._db = db
        self._lock = RLock()
        self._translated = Translated(path)

    def __enter__(self) -> sqlite3.Connection:
        """Return the connection, when no other thread has it."""
        self._lock.acquire()
        return self._db

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Give it back; an error of SQLite is raised as the state's."""
        self._lock.release()
        self._translated.__exit__(kind, error, trace)
