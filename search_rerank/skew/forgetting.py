"""The feature log without one user: their requests are told, or removed from its segments."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

from search_rerank.skew.log import segments_of


class Removed(NamedTuple):
    """How many requests were removed, and how many segments written anew for it."""

    requests: int
    segments: int


def logged_requests(
    folder: Path, user: str, sessions: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Yield the logged requests of a user, and of sessions under no user, as they stand there.

    Parameters
    ----------
    folder
        Of the feature log; nothing is yielded where there is none.
    sessions
        Visits that are known to be the user's.
    """
    for path in segments_of(folder):
        try:
            file = path.open("rb")
        except FileNotFoundError:  # removed by the service meanwhile
            continue
        with file:
            for line in file:
                row = _row(line)
                if row is not None and _is_of(row, user, sessions):
                    yield row


def forget_requests(folder: Path, user: str, sessions: Collection[str] = ()) -> Removed:
    """Remove the logged requests of a user, and of sessions under no user.

    A segment that holds one is written anew beside and takes its place; a service that writes to
    it meanwhile goes on in another one. Lines that cannot be read go from it, too: nobody could
    tell whose they are.
    """
    requests = segments = 0
    for path in segments_of(folder):
        removed = _without(path, user, frozenset(sessions))
        requests += removed
        segments += removed > 0
    return Removed(requests, segments)


def _without(path: Path, user: str, sessions: Collection[str]) -> int:
    """Remove a user's lines from a segment; return how many."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not os.fstat(file.fileno()).st_nlink:  # others have just done the same
            return _without(path, user, sessions)
        theirs = unreadable = 0
        for line in file:
            row = _row(line)
            unreadable += row is None
            theirs += row is not None and _is_of(row, user, sessions)
        if theirs or unreadable:
            file.seek(0)
            with _replacing(path, os.fstat(file.fileno()).st_mode & 0o777) as aside:
                for line in file:
                    row = _row(line)
                    if row is not None and not _is_of(row, user, sessions):
                        aside.write(line)
    return theirs


@contextmanager
def _replacing(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Lend a file beside another one, which takes its place once it is on disk."""
    handle, aside = tempfile.mkstemp(prefix=".without-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, mode)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return row if isinstance(row, dict) else None


def _is_of(row: dict[str, Any], user: str, sessions: Collection[str]) -> bool:
    whose = row.get("user")
    return whose == user or (whose is None and row.get("session") in sessions)
