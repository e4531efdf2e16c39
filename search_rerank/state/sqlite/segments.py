"""The sealed part of the log: files of rows in the vocabulary of events, oldest rows first.

A file is written aside, synced and renamed before the state names it, so that it is whole or not
there.
"""

from __future__ import annotations

import io
import os
import sqlite3
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import chain, islice
from pathlib import Path
from typing import IO

import orjson

from search_rerank.errors import StateError
from search_rerank.state.sqlite.lines import Line, number_of_line

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LOG = "event_log"
"""Folder of the files, beside the state file."""
SUFFIX = ".jsonl.zst"
_ASIDE = ".part"
_LEVEL = 1
"""What is left to pack are ids, which are random: higher levels look for matches in them, and take
longer for more bytes."""
_WINDOW = 18
"""Many files may be read side by side: each takes so many bits of memory."""
_PACKED_AT_ONCE = 500
"""Lines."""
_SEARCH: dict[int, int] = {
    zstd.CompressionParameter.strategy: zstd.Strategy.lazy2,
    zstd.CompressionParameter.hash_log: 14,
    zstd.CompressionParameter.chain_log: 14,
    zstd.CompressionParameter.search_log: 3,
    zstd.CompressionParameter.min_match: 6,
}
"""Finds ids of sessions again that the fast search of the level passes by."""


@dataclass(frozen=True)
class Segment:
    """What the state says of a file.

    Parameters
    ----------
    number
        Of the file, from 1.
    first, last
        Its rows have numbers from `first` to `last`.
    min_ms, max_ms
        Times of its oldest and newest row.
    expired_ms
        Rows before this time are in the file only.
    expired
        How many interactions these are.
    dropped
        Whether the file is no longer kept.
    """

    number: int
    first: int
    last: int
    min_ms: int
    max_ms: int
    expired_ms: int
    expired: int
    dropped: int

    @property
    def holds_more(self) -> bool:
        """Whether rows are in the file and nowhere else."""
        return not self.dropped and self.expired_ms > self.min_ms


class Segments:
    """The files of a state's log.

    Parameters
    ----------
    folder
        Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, number: int) -> Path:
        """Return the file of a segment."""
        return self.folder / f"{number:06d}{SUFFIX}"

    def all(self, db: sqlite3.Connection) -> list[Segment]:
        """Return the segments that the state names, oldest first."""
        return [Segment(*row) for row in db.execute("SELECT * FROM segments ORDER BY number")]

    def write(self, number: int, lines: Iterable[bytes]) -> None:
        """Write a file, whole or not at all.

        Raises
        ------
        StateError
            Where it cannot be written.
        """
        path = self.path(number)
        try:
            self._write(path, lines)
        except OSError as error:
            raise StateError(f"segment {path} of the log: {error.strerror}") from error

    def _write(self, path: Path, lines: Iterable[bytes]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}{_ASIDE}")
        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: _LEVEL,
            zstd.CompressionParameter.window_log: _WINDOW,
            zstd.CompressionParameter.checksum_flag: 1,
            **_SEARCH,
        }
        try:
            with aside.open("wb") as file:
                with zstd.ZstdFile(file, "w", options=options) as packed:
                    waiting = iter(lines)
                    while some := b"".join(islice(waiting, _PACKED_AT_ONCE)):
                        packed.write(some)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def write_without(self, number: int, gone: Collection[int]) -> bool:
        """Write a file anew without some rows; return False, and leave it, if that were all."""
        lines = (line for line in self.lines(number) if number_of_line(line) not in gone)
        first = next(lines, None)
        if first is None:
            return False
        self.write(number, chain((first,), lines))
        return True

    def sweep(self) -> None:
        """Remove what processes that were killed while they wrote left, when nobody writes."""
        for aside in self.folder.glob(f"*{_ASIDE}"):
            aside.unlink(missing_ok=True)

    def lines(self, number: int) -> Iterator[bytes]:
        """Yield the lines of a file.

        Raises
        ------
        StateError
            Where it is gone or damaged.
        """
        path = self.path(number)
        try:
            with _opened(path) as file:
                yield from file
        except (OSError, EOFError, zstd.ZstdError) as error:
            raise StateError(f"segment {path} of the log: {error}; take it from a backup") from None

    def rows(self, number: int) -> Iterator[Line]:
        """Yield the rows of a file, in time order."""
        return map(orjson.loads, self.lines(number))

    def expired(self, db: sqlite3.Connection, after: int = 0) -> Iterator[Line]:
        """Yield the rows past a number that are in files only, file by file."""
        for segment in self.all(db):
            if segment.last > after and segment.holds_more:
                for row in self.expired_of(db, segment):
                    if row["seq"] > after:
                        yield row

    def expired_of(self, db: sqlite3.Connection, segment: Segment) -> Iterator[Line]:
        """Yield the rows of a file that are nowhere else, in time order."""
        gone = rewritten(db, segment.number)
        for row in self.rows(segment.number):
            if row["timestamp"] >= segment.expired_ms:
                return
            if row["seq"] not in gone:
                yield row

    def expired_of_user(
        self, db: sqlite3.Connection, segment: Segment, user: str, claimed: Collection[int]
    ) -> Iterator[Line]:
        """Yield those rows of `expired_of` that a user did, and those with given numbers."""
        told = b'"user":' + orjson.dumps(user)
        some = {seq for seq in claimed if segment.first <= seq <= segment.last}
        gone = rewritten(db, segment.number)
        for line in self.lines(segment.number):
            # Few lines are theirs: the others are not decoded.
            if told in line or (some and number_of_line(line) in some):
                row = orjson.loads(line)
                theirs = row.get("user") == user or row["seq"] in some
                if theirs and row["timestamp"] < segment.expired_ms and row["seq"] not in gone:
                    yield row

    def in_time(self, db: sqlite3.Connection, segments: Iterable[Segment]) -> Iterator[Line]:
        """Yield the rows of files that are nowhere else, in time order over all of them.

        A file is opened when its time comes, and closed at its end.
        """
        waiting = sorted(segments, key=lambda one: one.min_ms, reverse=True)
        heap: list[tuple[int, int, Line, Iterator[Line]]] = []
        while waiting or heap:
            if waiting and (not heap or waiting[-1].min_ms <= heap[0][0]):
                _push(heap, self.expired_of(db, waiting.pop()))
                continue
            _, _, row, rows = heappop(heap)
            yield row
            _push(heap, rows)


def rewritten(db: sqlite3.Connection, number: int) -> set[int]:
    """Return the rows that a file holds and should not hold any more."""
    return {seq for (seq,) in db.execute("SELECT seq FROM rewrites WHERE segment = ?", (number,))}


def _push(heap: list[tuple[int, int, Line, Iterator[Line]]], rows: Iterator[Line]) -> None:
    row = next(rows, None)
    if row is not None:
        heappush(heap, (row["timestamp"], row["seq"], row, rows))


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with zstd.ZstdFile(path) as file, io.BufferedReader(file, 1 << 16) as buffered:
        yield buffered
