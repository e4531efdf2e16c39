"""A file of layout 1 brought to the next one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import islice
from typing import Any

import orjson

from search_rerank.data.event import Interaction, Ranking
from search_rerank.state.sqlite.names import Vocabulary
from search_rerank.state.sqlite.writing import Writer

_MOVED_AT_ONCE = 20_000
_EVENTS = "SELECT seq, id, user, session, item, type, time_ms, query, ranking FROM old_events"
_PAGES = "SELECT seq, id, user, session, query, items, time_ms FROM old_pages"


def migrate(db: sqlite3.Connection, make: Callable[[], None]) -> None:
    """Move what layout 1 holds into the tables that `make` makes, under the same numbers.

    In one transaction, which the caller ends: a process that is killed leaves the old file.
    """
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    db.execute("ALTER TABLE events RENAME TO old_events")
    for index in ("events_by_user", "events_by_visit", "pages_by_user", "pages_by_visit"):
        db.execute(f"DROP INDEX IF EXISTS {index}")
    if "pages" in tables:  # not in the first release
        db.execute("ALTER TABLE pages RENAME TO old_pages")
    make()
    (key,) = db.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()
    writer = Writer(key, Vocabulary("items"), Vocabulary("types"))
    events = map(_event, db.cursor().execute(f"{_EVENTS} ORDER BY seq"))
    while told := list(islice(events, _MOVED_AT_ONCE)):
        writer.append(db, [event for _, event in told], [seq for seq, _ in told])
    db.execute("DROP TABLE old_events")
    if "pages" in tables:
        pages = map(_page, db.cursor().execute(f"{_PAGES} ORDER BY seq"))
        while shown := list(islice(pages, _MOVED_AT_ONCE)):
            writer.show(db, [page for _, page in shown], [seq for seq, _ in shown])
        db.execute("DROP TABLE old_pages")


def _event(row: tuple[Any, ...]) -> tuple[int, Interaction]:
    seq, *told = row
    names = ("id", "user", "session", "item", "type", "time_ms", "query", "ranking")
    return seq, Interaction.model_construct(**dict(zip(names, told, strict=True)))


def _page(row: tuple[Any, ...]) -> tuple[int, Ranking]:
    seq, id_, user, session, query, items, time_ms = row
    page = Ranking.model_construct(
        id=id_,
        user=user,
        session=session,
        query=query,
        items=tuple(orjson.loads(items)),
        time_ms=time_ms,
    )
    return seq, page
