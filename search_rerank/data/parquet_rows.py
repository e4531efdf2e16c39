"""Parquet as numbered rows, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from search_rerank.data.columns import Columns
from search_rerank.data.lines import Problem
from search_rerank.errors import DataError

_BATCH = 1_000


def parquet_rows(path: Path, name: str) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield (row number from 1, row); a damaged page is the last row, as a problem.

    Raises
    ------
    DataError
        Where the file is no Parquet.
    """
    # Nothing may be downloaded because of a file's name or content.
    options: dict[str, Any] = {"autoinstall_known_extensions": False, "threads": 2}
    with duckdb.connect(":memory:", config=options) as connection:
        # DuckDB draws its bar on standard output, where a command writes its answer.
        connection.execute("SET enable_progress_bar = false")
        try:
            # A folder named `brand=x` must not become a column.
            cursor = connection.execute(
                "SELECT * FROM read_parquet($1, hive_partitioning = false)", [str(path)]
            )
        except duckdb.Error as error:
            raise DataError(f"{name}: expected Parquet, found {_first_line(error)}") from None
        columns = Columns([column[0] for column in cursor.description or ()], typed=True)
        number = 0
        while True:
            try:
                batch = cursor.fetchmany(_BATCH)
            except duckdb.Error as error:
                reason = "the file is damaged here, nothing after this row was read"
                yield number + 1, Problem(f"{reason}, found {_first_line(error)}", cut_off=True)
                return
            if not batch:
                return
            for cells in batch:
                number += 1
                yield number, columns.row(map(_plain, cells))


def _plain(value: Any) -> Any:
    """Return the value as JSON would carry it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items() if one is not None}
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else float(value)
    return str(value)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
