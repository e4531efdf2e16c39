"""Files of changes: whole items, rows with some fields, ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from index_tools.changes import Changes
from index_tools.untaken import Untaken
from search_rerank.data.item import Item, parse_item
from search_rerank.data.lines import Problem, lines, open_bytes, source_name
from search_rerank.data.rows import Row, rows
from search_rerank.engines.base import Outcome
from search_rerank.errors import DataError


def upsert_file(changes: Changes, path: Path, untaken: Untaken, batch: int) -> dict[str, int]:
    """Put the items of a file, `batch` at a time; return how many rows had which outcome.

    Of several rows with one id the last counts. `untaken` gets each row that is no item, or that
    the engine did not take.
    """
    file, counts, source = _name(path), Counter[str](), rows(path, note=untaken.aside.note)
    while part := list(islice(source, batch)):
        taken: list[tuple[int, object]] = []
        items: list[Item] = []
        for line, row in _readable(file, part, untaken, counts):
            try:
                items.append(parse_item(row))
                taken.append((line, row))
            except DataError as error:
                _count(file, line, Outcome("refused", str(error)), row, untaken, counts)
        for (line, row), outcome in zip(taken, changes.put(items), strict=True):
            _count(file, line, outcome, row, untaken, counts)
    return dict(counts)


def patch_file(changes: Changes, path: Path, untaken: Untaken, batch: int) -> dict[str, int]:
    """Apply the rows of a file, `batch` at a time, as `Changes.patch`; otherwise `upsert_file`."""
    file, counts, source = _name(path), Counter[str](), rows(path)
    while part := list(islice(source, batch)):
        taken: list[tuple[int, dict[str, object]]] = []
        for line, row in _readable(file, part, untaken, counts):
            if isinstance(row, dict):
                taken.append((line, row))
            else:
                reason = f"expected an object with an id, found {row!r:.60}"
                _count(file, line, Outcome("refused", reason), row, untaken, counts)
        outcomes = changes.patch([row for _, row in taken])
        for (line, row), outcome in zip(taken, outcomes, strict=True):
            _count(file, line, outcome, row, untaken, counts)
    return dict(counts)


def delete_ids(
    changes: Changes, name: str, ids: Iterable[tuple[int, str]], untaken: Untaken, batch: int
) -> dict[str, int]:
    """Delete items, `batch` at a time; return how many had which outcome.

    Parameters
    ----------
    name, ids
        What messages call the list of ids, and the place in it and the id of each.
    untaken
        Gets each id whose item was not removed, though it is there.
    """
    counts, source = Counter[str](), iter(ids)
    while part := list(islice(source, batch)):
        outcomes = changes.delete([id_ for _, id_ in part])
        for (line, id_), outcome in zip(part, outcomes, strict=True):
            _count(name, line, outcome, {"id": id_}, untaken, counts)
    return dict(counts)


def ids_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and id of each line of a file; blank lines are passed over.

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
                yield number, id_
    finally:
        stream.close()


def _readable(
    file: str, part: Iterable[Row], untaken: Untaken, counts: Counter[str]
) -> Iterator[tuple[int, object]]:
    for line, row in part:
        if isinstance(row, Problem):
            _count(file, line, Outcome("refused", row.reason), row.raw, untaken, counts)
        else:
            yield line, row


def _count(
    file: str,
    line: int,
    outcome: Outcome,
    row: object,
    untaken: Untaken,
    counts: Counter[str],
) -> None:
    counts[outcome.status] += 1
    untaken.add(file, line, outcome, row, row.get("id") if isinstance(row, dict) else None)


def _name(path: Path) -> str:
    return Path(source_name(path)).name
