"""Bytes of a file or of standard input as numbered lines, decompressed, in bounded memory."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from search_rerank.errors import DataError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_LINE_BYTES = 1 << 20
"""A longer line is refused and never held whole."""
STANDARD_INPUT = Path("-")
"""The name that means standard input."""
CHUNK_BYTES = 1 << 18
"""So much is read at a time."""
_SHOWN_CHARACTERS = 1_000
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
DAMAGE = (EOFError, OSError, zlib.error, zstd.ZstdError)
"""What reading raises where a file is damaged or cut off."""


class ByteStream(Protocol):
    """What is read from: a buffered binary file, or one that decompresses."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, at most so many bytes, b"" at the end."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


@dataclass(frozen=True)
class Problem:
    """A row that could not be read.

    Parameters
    ----------
    reason
        What is wrong, the changing part last, after `, found `.
    raw
        The row as it stands in the file, cut if it is too long; None where there is none.
    cut_off
        Whether the file is damaged or ends early here, so that rows after this one are missing.
    """

    reason: str
    raw: object = None
    cut_off: bool = False


class Unfinished(bytes):
    """The last line where no newline ends it: a whole one, or one that was cut off."""


def source_name(path: Path) -> str:
    """Return what messages call the file: its path, or `standard input`."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def without_compression(path: Path) -> str:
    """Return the file's name in lower case, without `.gz` or `.zst`."""
    name = path.name.lower()
    return name.removesuffix(path.suffix.lower()) if path.suffix.lower() in _SUFFIXES else name


def open_bytes(path: Path, name: str | None = None) -> ByteStream:
    """Open a file, or standard input for `-`, and decompress what is gzip or zstd.

    Parameters
    ----------
    path
        The file.
    name
        What messages call it; None calls it by its path.

    Raises
    ------
    DataError
        Where the file is missing, unreadable, empty, or is not what its name says.
    """
    raw: io.BufferedReader
    name = source_name(path) if name is None else name
    if path == STANDARD_INPUT:
        # Whatever stands in for standard input need not have `peek`; it is read once and closed.
        raw = io.BufferedReader(cast(Any, sys.stdin.buffer))
    else:
        try:
            raw = path.open("rb")
        except OSError as error:
            raise DataError(
                f"{name}: cannot be read ({error.strerror}); check the name and the permissions"
            ) from None
    head = raw.peek(4)[:4]
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    expected = _SUFFIXES.get(path.suffix.lower())
    if not head or (expected is not None and expected != found):
        raw.close()
        if not head:
            raise DataError(f"{name}: expected rows, found an empty file")
        raise DataError(
            f"{name}: expected {expected}, as the name says, found {found or 'something else'}: "
            f"rename the file or compress it again"
        )
    if found == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    if found == "zstd":
        stream: ByteStream = zstd.ZstdFile(raw)
        return stream
    return raw


def lines(stream: ByteStream) -> Iterator[tuple[int, bytes | Problem]]:
    """Yield (number from 1, line without its newline), or the problem that stands in its place.

    A line longer than `MAX_LINE_BYTES` is one problem. A damaged end (a truncated gzip) is the
    last problem: all whole lines before it have been yielded. A last line that no newline ends is
    `Unfinished`.
    """
    number, rest, dropping = 0, b"", False
    while True:
        try:
            chunk = stream.read1(CHUNK_BYTES)
        except DAMAGE as error:
            reason = "the file is cut off or damaged here, nothing after this line was read"
            yield number + 1, Problem(f"{reason}, found {error}", as_text(rest), cut_off=True)
            return
        if not chunk:
            break
        pieces = (rest + chunk).split(b"\n")
        rest = pieces.pop()
        if dropping and pieces:
            del pieces[0]
            dropping = False
        for piece in pieces:
            number += 1
            yield number, piece if len(piece) <= MAX_LINE_BYTES else _too_long(piece)
        if dropping:
            rest = b""
        elif len(rest) > MAX_LINE_BYTES:
            number += 1
            yield number, _too_long(rest)
            rest, dropping = b"", True
    if rest:
        yield number + 1, Unfinished(rest)


def as_text(data: bytes) -> str:
    r"""Return bytes as text to show, at most 1,000 characters; broken UTF-8 reads `\xff`."""
    return data[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "backslashreplace")[:_SHOWN_CHARACTERS]


def _too_long(start: bytes) -> Problem:
    limit = f"expected at most {MAX_LINE_BYTES:,} bytes in a line"
    return Problem(f"{limit}, found a longer one (the row shown is cut)", as_text(start))
