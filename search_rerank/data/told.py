"""A log read as fast as it can be checked, for whatever takes each event once by its id."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

from search_rerank.data.event import Interaction, Ranking, Told, parse_time_ms
from search_rerank.data.lines import source_name
from search_rerank.data.read import FUTURE_TOLERANCE_MS, checked
from search_rerank.data.refused import Refused
from search_rerank.data.rows import Row, rows

_FIELDS = frozenset({"event", "timestamp"} | set(Told._fields) - {"time_ms"})
_MAX_ID, _MAX_TYPE, _MAX_QUERY = 512, 64, 2_000
_ROW: Any = attrgetter(*Told._fields)


def read_told(
    path: Path,
    refused: Refused,
    now_ms: int,
    future_ms: int = FUTURE_TOLERANCE_MS,
    name: str | None = None,
) -> Iterator[Told | Ranking]:
    """Return what `read_events` does, of any item, in memory that does not grow with the log.

    It accepts and refuses the same rows for the same reasons, but for ids: those that come again
    are returned again.

    Parameters
    ----------
    path, refused, now_ms, future_ms, name
        As for `read_events`.

    Raises
    ------
    DataError
        Where the file as a whole cannot be read.
    """
    file = Path(source_name(path)).name if name is None else name
    return _told(file, rows(path, name), refused, now_ms + future_ms)


def _told(
    file: str, source: Iterator[Row], refused: Refused, latest_ms: int
) -> Iterator[Told | Ranking]:
    for line, row in source:
        told = plain(row, latest_ms)
        if told is not None:
            yield told
            continue
        event = checked(file, line, row, refused, latest_ms)
        if event is not None:
            yield Told._make(_ROW(event)) if isinstance(event, Interaction) else event


def plain(row: Any, latest_ms: int) -> Told | None:
    """Return the interaction of a row that has nothing but the fields and types of the format.

    None says that `parse_event` and `check_time` must look at it, which take several times longer;
    what is returned is what they would return.
    """
    if type(row) is not dict or row.get("event") != "interaction" or not row.keys() <= _FIELDS:
        return None
    get = row.get
    id_, item, type_, time_ms = get("id"), get("item"), get("type"), get("timestamp")
    user, session, query, ranking = get("user"), get("session"), get("query"), get("ranking")
    if type(time_ms) is str:
        try:
            time_ms = parse_time_ms(time_ms)
        except ValueError:
            return None
    if (
        type(id_) is str
        and 0 < len(id_) <= _MAX_ID
        and type(item) is str
        and 0 < len(item) <= _MAX_ID
        and type(type_) is str
        and 0 < len(type_) <= _MAX_TYPE
        and (user is None or (type(user) is str and 0 < len(user) <= _MAX_ID))
        and (session is None or (type(session) is str and 0 < len(session) <= _MAX_ID))
        and (user is not None or session is not None)
        and (query is None or (type(query) is str and len(query) <= _MAX_QUERY))
        and (ranking is None or (type(ranking) is str and 0 < len(ranking) <= _MAX_ID))
        and type(time_ms) is int
        and 0 <= time_ms <= latest_ms
        and not 10**8 <= time_ms < 10**11
        and time_ms < 10**14
    ):
        return Told(id_, user, session, item, type_, time_ms, query, ranking)
    return None
