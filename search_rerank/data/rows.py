"""Rows of a file, whatever its format: JSON lines, CSV or Parquet, plain, gzip or zstd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from search_rerank.data.csv_rows import csv_rows
from search_rerank.data.lines import (
    STANDARD_INPUT,
    ByteStream,
    Problem,
    Unfinished,
    as_text,
    lines,
    open_bytes,
    source_name,
    without_compression,
)
from search_rerank.errors import DataError

_BOM = b"\xef\xbb\xbf"
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (*_JSON_SUFFIXES, ".csv", ".parquet")
"""Endings that name a format; all but `.parquet` may be followed by `.gz` or `.zst`."""

Row = tuple[int, Any | Problem]


def rows(path: Path, name: str | None = None) -> Iterator[Row]:
    """Return (number, decoded row or problem) of each row, in bounded memory.

    Parameters
    ----------
    path
        A file whose name ends in one of `SUFFIXES`, or `-` for JSON lines on standard input. What
        is gzip or zstd is decompressed.
    name
        What messages call the file; None calls it by its path, and `-` standard input.

    Returns
    -------
    The number is that of the line (of the row's first line in CSV, of the row in Parquet), from 1.
    Blank lines are passed over.

    Raises
    ------
    DataError
        At once where the file is missing, empty, of an unknown kind or not what its name says;
        while reading where it turns out to hold no row.
    """
    name = source_name(path) if name is None else name
    ending = without_compression(path)
    if not (path == STANDARD_INPUT or ending.endswith(SUFFIXES)):
        raise DataError(
            f"{name}: expected a name ending in {', '.join(SUFFIXES)} (also with .gz or .zst), "
            f"found {path.name!r}: rename the file, or pass JSON lines by standard input as '-'"
        )
    if ending.endswith(".parquet") and ending != path.name.lower():
        raise DataError(f"{name}: expected Parquet as it is, found it compressed once more: unpack")
    stream = open_bytes(path, name)
    if ending.endswith(".parquet"):
        stream.close()
        from search_rerank.data.parquet_rows import parquet_rows

        return _some(name, parquet_rows(path, name))
    read = csv_rows(name, stream) if ending.endswith(".csv") else _json_rows(stream)
    return _some(name, read, stream)


def _some(name: str, read: Iterator[Row], stream: ByteStream | None = None) -> Iterator[Row]:
    """Pass rows on, close the file, and refuse a file without any."""
    count = 0
    try:
        for count, row in enumerate(read, start=1):  # noqa: B007 - counts for the check below
            yield row
    finally:
        if stream is not None:
            stream.close()
    if not count:
        raise DataError(f"{name}: expected rows, found none")


def _json_rows(stream: ByteStream) -> Iterator[Row]:
    for number, line in lines(stream):
        if isinstance(line, Problem):
            yield number, line
            continue
        data = line.removeprefix(_BOM) if number == 1 else bytes(line)
        if not data or data.isspace():
            continue
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            cut_off = isinstance(line, Unfinished)
            yield number, Problem(_broken(data, error), as_text(data), cut_off)
        else:
            yield number, value


def _broken(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return f"not valid UTF-8, found {wrong.reason} at byte {wrong.start + 1}"
    if b"NaN" in data or b"Infinity" in data:
        hint = " (NaN and Infinity are no JSON: leave the field out)"
    else:
        hint = ""
    return f"not valid JSON, found {error.msg} at character {error.pos + 1}{hint}"
