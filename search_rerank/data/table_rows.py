"""A table as rows of a catalogue or a log: its header tells whether it is ours or a feed's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from search_rerank.data.columns import Columns
from search_rerank.data.csv_rows import CellRow, cell_rows
from search_rerank.data.lines import ByteStream, Problem
from search_rerank.data.merchant import is_merchant, merchant_rows
from search_rerank.data.shopify import is_shopify, shopify_rows
from search_rerank.errors import DataError

TableRow = tuple[int, dict[str, Any] | Problem]


def table_rows(
    name: str, stream: ByteStream, delimiter: str, note: Callable[[str], None]
) -> Iterator[TableRow]:
    """Yield (number of the row's first line, row or problem) of a table with a header.

    Parameters
    ----------
    name
        What messages call the file.
    stream
        Its bytes.
    delimiter
        What stands between cells: a comma or a tab.
    note
        Called for each thing that a feed holds and that is left out without being wrong.

    Raises
    ------
    DataError
        Where the header cannot be used.
    """
    names, cells = cell_rows(name, stream, delimiter)
    if is_merchant(names):
        yield from merchant_rows(names, cells, note)
        return
    if len(set(names)) < len(names):
        raise DataError(
            f"{name}: expected distinct column names in line 1, found {', '.join(names)!r:.200}"
        )
    if is_shopify(names):
        yield from shopify_rows(names, cells, note)
    else:
        yield from _own_rows(names, cells)


def _own_rows(names: Sequence[str], cells: Iterator[CellRow]) -> Iterator[TableRow]:
    columns = Columns(names, typed=False)
    for number, row in cells:
        yield number, row if isinstance(row, Problem) else columns.row(row)
