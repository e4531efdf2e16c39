"""Rows of a file as objects that have what is needed; the others are refused apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search_rerank.data.lines import Problem
from search_rerank.data.refused import Refused
from search_rerank.data.rows import rows


def table(
    path: Path, needed: tuple[str, ...], refused: Refused
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, row) of the rows that have all needed cells; see `rows` for what is read.

    Parameters
    ----------
    needed
        Names that a row must have; an empty cell of a CSV counts as none.
    refused
        Gets the rows that are broken, no objects, or lack a cell.
    """
    for line, row in rows(path):
        if isinstance(row, Problem):
            refused.add(path.name, line, row.reason, row.raw)
        elif not isinstance(row, dict):
            refused.add(path.name, line, f"expected an object, found {row!r:.60}", row)
        elif missing := [name for name in needed if name not in row]:
            refused.add(path.name, line, f"{', '.join(missing)} missing", row)
        else:
            yield line, row
