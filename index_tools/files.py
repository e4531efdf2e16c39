"""Files of changes: whole items, rows with some fields, ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from index_tools.changes import Changes
from search_rerank.data.item import Item, parse_item
from search_rerank.data.lines import Problem, lines, open_bytes, source_name
from search_rerank.data.refused import Refused
from search_rerank.data.rows import Row, rows
from search_rerank.engines.base import Outcome
from search_rerank.errors import DataError


def upsert_file(changes: Changes, path: Path, refused: Refused, batch: int) -> dict[str, int]:
    """Put the items of a file, `batch` at a time; return how many rows had which outcome.

    Of several rows with one id the last counts. `refused` gets each row that is no item, or that
    the engine refused.
    """
    file, counts, source = _name(path), Counter[str](), rows(path, note=refused.note)
    while part := list(islice(source, batch)):
        taken: list[tuple[int, object, Item]] = []
        for line, row in _readable(file, part, refused, counts):
            try:
                taken.append((line, row, parse_item(row)))
            except DataError as error:
                refused.add(file, line, str(error), row)
                counts["refused"] += 1
        outcomes = changes.put([item for _, _, item in taken])
        _count(file, [(line, row) for line, row, _ in taken], outcomes, refused, counts)
    return dict(counts)


def patch_file(changes: Changes, path: Path, refused: Refused, batch: int) -> dict[str, int]:
    """Apply the rows of a file, `batch` at a time, as `Changes.patch`; otherwise `upsert_file`."""
    file, counts, source = _name(path), Counter[str](), rows(path)
    while part := list(islice(source, batch)):
        taken: list[tuple[int, dict[str, object]]] = []
        for line, row in _readable(file, part, refused, counts):
            if isinstance(row, dict):
                taken.append((line, row))
            else:
                refused.add(file, line, f"expected an object with an id, found {row!r:.60}", row)
                counts["refused"] += 1
        outcomes = changes.patch([row for _, row in taken])
        _count(file, taken, outcomes, refused, counts)
    return dict(counts)


def delete_ids(changes: Changes, ids: Iterable[str], batch: int) -> dict[str, int]:
    """Delete items, `batch` at a time; return how many had which outcome."""
    counts, source = Counter[str](), iter(ids)
    while part := list(islice(source, batch)):
        counts.update(outcome.status for outcome in changes.delete(part))
    return dict(counts)


def ids_of(path: Path) -> Iterator[str]:
    """Yield the ids of a file, one a line; blank lines are passed over.

    Raises
    ------
    DataError
        Where the file cannot be read, or a line is no text.
    """
    stream = open_bytes(path)
    try:
        for number, line in lines(stream):
            if isinstance(line, Problem):
                raise DataError(f"{_name(path)}:{number}: {line.reason}")
            try:
                id_ = bytes(line).decode("utf-8-sig").strip()
            except UnicodeDecodeError:
                raise DataError(
                    f"{_name(path)}:{number}: expected an id in UTF-8, found other bytes"
                ) from None
            if id_:
                yield id_
    finally:
        stream.close()


def _readable(
    file: str, part: Iterable[Row], refused: Refused, counts: Counter[str]
) -> Iterator[tuple[int, object]]:
    for line, row in part:
        if isinstance(row, Problem):
            refused.add_problem(file, line, row)
            counts["refused"] += 1
        else:
            yield line, row


def _count(
    file: str,
    taken: Iterable[tuple[int, object]],
    outcomes: Iterable[Outcome],
    refused: Refused,
    counts: Counter[str],
) -> None:
    for (line, row), outcome in zip(taken, outcomes, strict=True):
        counts[outcome.status] += 1
        if outcome.status == "refused":
            refused.add(file, line, outcome.reason or "", row)
        elif outcome.status == "conflict":
            reason = "others changed the item all the while: send the row again"
            refused.add(file, line, reason, row)


def _name(path: Path) -> str:
    return Path(source_name(path)).name
