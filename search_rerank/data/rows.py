"""Rows of a file, whatever its format: JSON lines, a table or a feed, plain, gzip or zstd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from search_rerank.data.json_rows import json_rows
from search_rerank.data.lines import (
    STANDARD_INPUT,
    ByteStream,
    Problem,
    open_bytes,
    source_name,
    without_compression,
)
from search_rerank.data.merchant_xml import merchant_xml_rows
from search_rerank.data.table_rows import table_rows
from search_rerank.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
SUFFIXES = (".jsonl", ".ndjson", ".json", *_DELIMITERS, ".xml", ".parquet")
"""Endings that name a format; all but `.parquet` may be followed by `.gz` or `.zst`."""

Row = tuple[int, Any | Problem]


def rows(
    path: Path, name: str | None = None, note: Callable[[str], None] | None = None
) -> Iterator[Row]:
    """Return (number, decoded row or problem) of each row, in bounded memory.

    A feed (Google Merchant, Shopify) gives the rows of a catalogue; see docs/catalogue.md.

    Parameters
    ----------
    path
        A file whose name ends in one of `SUFFIXES`, or `-` for JSON lines on standard input. What
        is gzip or zstd is decompressed.
    name
        What messages call the file; None calls it by its path, and `-` standard input.
    note
        Called for each thing that a feed holds and that is left out without being wrong.

    Returns
    -------
    The number is that of the line (of the row's first line in tables and XML, of the row in
    Parquet), from 1. Blank lines are passed over.

    Raises
    ------
    DataError
        At once where the file is missing, empty, of an unknown kind or not what its name says;
        while reading where it turns out to hold no row.
    """
    name = source_name(path) if name is None else name
    ending = without_compression(path)
    suffix = next((one for one in SUFFIXES if ending.endswith(one)), None)
    if path != STANDARD_INPUT and suffix is None:
        raise DataError(
            f"{name}: expected a name ending in {', '.join(SUFFIXES)} (also with .gz or .zst), "
            f"found {path.name!r}: rename the file, or pass JSON lines by standard input as '-'"
        )
    if suffix == ".parquet" and ending != path.name.lower():
        raise DataError(f"{name}: expected Parquet as it is, found it compressed once more: unpack")
    stream = open_bytes(path, name)
    if suffix == ".parquet":
        stream.close()
        from search_rerank.data.parquet_rows import parquet_rows

        return _some(name, parquet_rows(path, name))
    if suffix in _DELIMITERS:
        read: Iterator[Row] = table_rows(name, stream, _DELIMITERS[suffix], note or _ignore)
    elif suffix == ".xml":
        read = merchant_xml_rows(name, stream, note or _ignore)
    else:
        read = json_rows(name, stream)
    return _some(name, read, stream)


def _ignore(_: str) -> None:
    pass


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
