"""CSV as numbered rows; a broken one is a problem of its own and loses no neighbour."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from search_rerank.data.columns import Columns
from search_rerank.data.lines import MAX_LINE_BYTES, ByteStream, Problem, Unfinished, as_text, lines
from search_rerank.errors import DataError

_BOM = "\ufeff"
_OPEN = "a quote is opened in this line and does not close at the end of a cell of its row"
Line = tuple[int, bytes | Problem]
Record = tuple[int, dict[str, Any] | Problem]


def csv_rows(name: str, stream: ByteStream) -> Iterator[Record]:
    """Yield (number of the row's first line, row or problem) of a CSV with a header.

    Raises
    ------
    DataError
        Where the header cannot be used.
    """
    source = lines(stream)
    yield from _last_told(_rows(_header(name, source), source))


def _rows(columns: Columns, source: Iterator[Line]) -> Iterator[Record]:
    pending: deque[Line] = deque()
    while True:
        line = pending.popleft() if pending else next(source, None)
        if line is None:
            return
        number, data = line
        if isinstance(data, Problem):
            yield number, data
        elif data.strip():
            yield number, _record(data, columns, pending, source)


def _last_told(records: Iterator[Record]) -> Iterator[Record]:
    """Mark the last record as cut off where quotes are open from it, or before it, to the end.

    A stray quote reaches the end too, but whole rows follow it.
    """
    held: Record | None = None
    open_quote = False
    for record in records:
        if held is not None:
            yield held
        held = record
        open_quote = isinstance(record[1], Problem) and (open_quote or record[1].reason == _OPEN)
    if held is None:
        return
    number, row = held
    if open_quote and isinstance(row, Problem):
        row = replace(row, cut_off=True)
    yield number, row


def _header(name: str, source: Iterator[Line]) -> Columns:
    _, data = next(source, (0, b""))
    if isinstance(data, Problem):
        raise DataError(f"{name}: expected a header in line 1: {data.reason}")
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
        names = [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: expected column names in line 1: {error}") from None
    if len(names) == 1 and (";" in text or "\t" in text):
        raise DataError(f"{name}: expected commas between columns, found {text[:60]!r}")
    if not names or "" in names or len(set(names)) < len(names):
        raise DataError(
            f"{name}: expected distinct column names in line 1, found {', '.join(names)!r:.200}"
        )
    return Columns(names, typed=False)


def _record(
    first: bytes, columns: Columns, pending: deque[Line], source: Iterator[Line]
) -> dict[str, Any] | Problem:
    """Return the row that begins with this line.

    A quoted cell may hold line breaks, so lines are added until the quotes close. Where the result
    is no row, only the first line is refused and the others are read again: a stray quote must
    not swallow its neighbours.
    """
    parts = [first]
    taken: list[Line] = []
    cells = _cells(parts)
    while cells is None and sum(map(len, parts)) <= MAX_LINE_BYTES:
        line = pending.popleft() if pending else next(source, None)
        if line is None:
            break
        taken.append(line)
        if isinstance(line[1], Problem):
            break
        parts.append(line[1])
        if b'"' in line[1]:
            cells = _cells(parts)
    if isinstance(cells, list) and len(cells) == len(columns):
        return columns.row(cells)
    pending.extendleft(reversed(taken))
    if taken or cells is None:
        reason = _OPEN
    elif isinstance(cells, str):
        reason = cells
    else:
        reason = f"expected {len(columns)} cells, found {len(cells)}"
    return Problem(reason, as_text(first), cut_off=isinstance(first, Unfinished))


def _cells(parts: list[bytes]) -> list[str] | str | None:
    """Return the cells, None where a quote is still open, or what is wrong."""
    try:
        texts = [part.decode("utf-8") + "\n" for part in parts]
    except UnicodeDecodeError as error:
        return f"not valid UTF-8, found {error.reason} at byte {error.start + 1}"
    try:
        return next(csv.reader(texts, strict=True), [])
    except csv.Error as error:
        return None if "unexpected end" in str(error) else f"not valid CSV, found {error}"
