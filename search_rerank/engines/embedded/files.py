"""Files that readers see whole, that outlive a crash, and what to say of damaged ones."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_rerank.errors import EngineError


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_database(path: Path, timeout_s: float) -> sqlite3.Connection:
    """Open an existing SQLite file; a reader of a WAL file may have to create its index."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=timeout_s,
        check_same_thread=False,
        isolation_level=None,
    )


@contextmanager
def told(version: str, folder: Path) -> Iterator[None]:
    """Turn what the storage raises into an `EngineError` that says what to do.

    tantivy raises ValueError for files it cannot read or write.
    """
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        kind = type(error).__name__
        raise EngineError(
            f"{version} cannot be read or written ({kind}: {error}): see that {folder} has space "
            f"and the right owner; if its files are damaged, roll back to the version before, or "
            f"load the catalogue again and promote"
        ) from error
