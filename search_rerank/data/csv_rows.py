"""The cells of a table; a broken row is a problem of its own and loses no neighbour."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from search_rerank.data.lines import MAX_LINE_BYTES, ByteStream, Problem, Unfinished, as_text, lines
from search_rerank.errors import DataError

_BOM = "\ufeff"
_OPEN = "a quote is opened in this line and does not close at the end of a cell of its row"
_WORDS = {",": "commas", "\t": "tabs"}
Line = tuple[int, bytes | Problem]
CellRow = tuple[int, list[str] | Problem]


def cell_rows(name: str, stream: ByteStream, delimiter: str) -> tuple[list[str], Iterator[CellRow]]:
    """Return the column names, and (number of the row's first line, cells or problem) of each row.

    Each row has one cell for each column.

    Raises
    ------
    DataError
        Where the header cannot be used.
    """
    source = lines(stream)
    names = _header(name, source, delimiter)
    return names, _last_told(_Cells(source, len(names), delimiter).rows())


def _header(name: str, source: Iterator[Line], delimiter: str) -> list[str]:
    _, data = next(source, (0, b""))
    if isinstance(data, Problem):
        raise DataError(f"{name}: expected a header in line 1: {data.reason}")
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
        reader = csv.reader([text], strict=True, delimiter=delimiter)
        names = [cell.strip() for cell in next(reader, [])]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: expected column names in line 1: {error}") from None
    if len(names) == 1 and any(mark in text for mark in (",", ";", "\t")):
        expected = _WORDS[delimiter]
        raise DataError(f"{name}: expected {expected} between columns, found {text[:60]!r}")
    if not names or "" in names:
        raise DataError(
            f"{name}: expected distinct column names in line 1, found {', '.join(names)!r:.200}"
        )
    return names


def _last_told(rows: Iterator[CellRow]) -> Iterator[CellRow]:
    """Mark the last row as cut off where quotes are open from it, or before it, to the end.

    A stray quote reaches the end too, but whole rows follow it.
    """
    held: CellRow | None = None
    open_quote = False
    for row in rows:
        if held is not None:
            yield held
        held = row
        open_quote = isinstance(row[1], Problem) and (open_quote or row[1].reason == _OPEN)
    if held is None:
        return
    number, cells = held
    if open_quote and isinstance(cells, Problem):
        cells = replace(cells, cut_off=True)
    yield number, cells


@dataclass
class _Cells:
    """Lines becoming rows, with those lines that were read too far."""

    source: Iterator[Line]
    width: int
    delimiter: str

    def __post_init__(self) -> None:
        self._pending: deque[Line] = deque()

    def rows(self) -> Iterator[CellRow]:
        """Yield the rows; blank lines are passed over."""
        while (line := self._next()) is not None:
            number, data = line
            if isinstance(data, Problem):
                yield number, data
            elif data.strip():
                yield number, self._row(data)

    def _next(self) -> Line | None:
        return self._pending.popleft() if self._pending else next(self.source, None)

    def _row(self, first: bytes) -> list[str] | Problem:
        """Return the row that begins with this line.

        A quoted cell may hold line breaks, so lines are added until the quotes close. Where the
        result is no row, only the first line is refused and the others are read again: a stray
        quote must not swallow its neighbours.
        """
        parts = [first]
        size = len(first)
        taken: list[Line] = []
        cells = self._cells(parts)
        while cells is None and size <= MAX_LINE_BYTES:
            line = self._next()
            if line is None:
                break
            taken.append(line)
            if isinstance(line[1], Problem):
                break
            parts.append(line[1])
            size += len(line[1])
            if b'"' in line[1]:
                cells = self._cells(parts)
        if isinstance(cells, list) and len(cells) == self.width:
            return cells
        self._pending.extendleft(reversed(taken))
        literal = self._without_quoting(first)
        if literal is not None:
            return literal
        if taken or cells is None:
            reason = _OPEN
        elif isinstance(cells, str):
            reason = cells
        else:
            reason = f"expected {self.width} cells, found {len(cells)}"
        return Problem(reason, as_text(first), cut_off=isinstance(first, Unfinished))

    def _cells(self, parts: list[bytes]) -> list[str] | str | None:
        """Return the cells, None where a quote is still open, or what is wrong."""
        try:
            texts = [part.decode("utf-8") + "\n" for part in parts]
        except UnicodeDecodeError as error:
            return f"not valid UTF-8, found {error.reason} at byte {error.start + 1}"
        try:
            return next(csv.reader(texts, strict=True, delimiter=self.delimiter), [])
        except csv.Error as error:
            return None if "unexpected end" in str(error) else f"not valid CSV, found {error}"

    def _without_quoting(self, line: bytes) -> list[str] | None:
        """Return a line's cells where tabs alone tell them apart: many feeds do not quote."""
        if self.delimiter != "\t":
            return None
        try:
            cells = line.decode("utf-8").rstrip("\r").split("\t")
        except UnicodeDecodeError:
            return None
        return cells if len(cells) == self.width else None
