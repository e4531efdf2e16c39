"""A catalogue file and an event log as checked items and events; wrong rows are refused apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search_rerank.data.event import Event, Interaction, parse_event
from search_rerank.data.ids import IdMap
from search_rerank.data.item import Item, parse_item
from search_rerank.data.lines import Problem, source_name
from search_rerank.data.refused import Refused
from search_rerank.data.rows import Row, rows
from search_rerank.errors import DataError

FUTURE_TOLERANCE_MS = 5 * 60 * 1000
"""Clocks differ: an event so little ahead of now is no mistake."""


def read_items(path: Path, refused: Refused, name: str | None = None) -> Iterator[Item]:
    """Return the items of a catalogue, one at a time; only their ids are kept in memory.

    Parameters
    ----------
    path
        See `search_rerank.data.rows.rows`.
    refused
        Gets each row that is no item, and each whose id an earlier one had; its `cut_off` names a
        file that ended early.
    name
        What messages call the file; None calls it by its own name.

    Raises
    ------
    DataError
        Where the file as a whole cannot be read.
    """
    return _items(_name(path, name), rows(path, name, refused.note), refused)


def _name(path: Path, name: str | None) -> str:
    return Path(source_name(path)).name if name is None else name


def _items(file: str, source: Iterator[Row], refused: Refused) -> Iterator[Item]:
    seen: set[str] = set()
    for line, row in source:
        if isinstance(row, Problem):
            refused.add_problem(file, line, row)
            continue
        try:
            item = parse_item(row)
            if item.id in seen:
                raise DataError(_repeated(item.id))
        except DataError as error:
            refused.add(file, line, str(error), row)
            continue
        seen.add(item.id)
        yield item


def read_events(
    path: Path,
    refused: Refused,
    items: IdMap | None,
    now_ms: int,
    future_ms: int = FUTURE_TOLERANCE_MS,
    name: str | None = None,
) -> Iterator[Event]:
    """Return the interactions and rankings of a log, in its own order, one at a time.

    Parameters
    ----------
    path
        See `search_rerank.data.rows.rows`.
    refused
        Gets each row that is no event, has the id of an earlier event of its kind, is about an
        unknown item or lies in the future; notes the rows and the items of rankings left out.
    items
        The catalogue's ids; None accepts any item. A ranking keeps its known ones.
    now_ms
        The present, unix milliseconds.
    future_ms
        How far ahead of the present an event may lie.
    name
        What messages call the file; None calls it by its own name.

    Raises
    ------
    DataError
        Where the file as a whole cannot be read.
    """
    return _events(_name(path, name), rows(path, name), refused, items, now_ms + future_ms)


def _events(
    file: str, source: Iterator[Row], refused: Refused, items: IdMap | None, latest_ms: int
) -> Iterator[Event]:
    seen: set[tuple[str, str]] = set()
    for line, row in source:
        event = checked(file, line, row, refused, latest_ms)
        if event is None:
            continue
        try:
            if (event.event, event.id) in seen:
                raise DataError(_repeated(event.id))
            if items is not None:
                event = _known(event, items, refused)
        except DataError as error:
            refused.add(file, line, str(error), row)
            continue
        seen.add((event.event, event.id))
        yield event


def checked(file: str, line: int, row: Any, refused: Refused, latest_ms: int) -> Event | None:
    """Return the event of a row; None where it is none to be taken, of which `refused` is told."""
    if isinstance(row, Problem):
        refused.add_problem(file, line, row)
        return None
    try:
        event = parse_event(row)
        if event is not None:
            check_time(event, latest_ms)
            return event
    except DataError as error:
        refused.add(file, line, str(error), row)
        return None
    refused.note(f"{row['event']} events ignored")
    return None


def _repeated(id_: str) -> str:
    return f"id: expected each once, the first is kept, found {id_!r} again"


def check_time(event: Event, latest_ms: int) -> None:
    """Raise `DataError` for an event later than that, and for seconds where milliseconds belong."""
    if event.time_ms > latest_ms:
        raise DataError(f"timestamp: expected the past, found {event.time_ms} in the future")
    if 10**8 <= event.time_ms < 10**11:
        # These are days of 1970 to 1973 in milliseconds, and today's in seconds.
        raise DataError(f"timestamp: expected unix milliseconds, found seconds: {event.time_ms}")


def _known(event: Event, items: IdMap, refused: Refused) -> Event:
    if isinstance(event, Interaction):
        if event.item not in items:
            raise DataError(f"item: expected one of the catalogue, found {event.item!r}")
        return event
    known = tuple(id_ for id_ in event.items if id_ in items)
    if not known:
        raise DataError(
            f"items: expected some of the catalogue, found {', '.join(event.items):.60}"
        )
    if len(known) == len(event.items):
        return event
    refused.note("unknown items left out of rankings", len(event.items) - len(known))
    return event.model_copy(update={"items": known})
