"""What an engine refused, put beside what the reader refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from search_rerank.data.refused import Refused
from search_rerank.data.rows import rows


def add_engine_refusals(
    path: Path, name: str | None, reasons: Mapping[str, str], refused: Refused
) -> None:
    """Add the rows that an engine refused, with the lines they came from.

    Parameters
    ----------
    path, name
        The file, read again where there is anything to add, and what messages call it.
    reasons
        Item id to reason.
    refused
        Gets each row.
    """
    left = dict(reasons)
    for line, row in rows(path, name) if left else ():
        if isinstance(row, dict) and (id_ := str(row.get("id")).strip()) in left:
            refused.add(name or path.name, line, left.pop(id_), row)
