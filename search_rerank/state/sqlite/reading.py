"""Rows out of a state file: histories, and the log as it was told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from search_rerank.data.event import Interaction, Ranking, Told
from search_rerank.state.base import Past, Shown
from search_rerank.state.own import newest_once
from search_rerank.state.sqlite.ids import compact, plain, plain_or_none
from search_rerank.state.sqlite.names import Vocabulary, number_of_user

READ_AT_ONCE = 2_000
_NEWEST = "ORDER BY time_ms DESC, seq DESC LIMIT ?"
_PAST = f"SELECT seq, item, type, time_ms, session FROM events WHERE {{}} {_NEWEST}"
_SHOWN = f"SELECT seq, items, NULL, time_ms, session FROM pages WHERE {{}} {_NEWEST}"
_QUERY = "(SELECT name FROM queries WHERE number = query)"
_ASKED = f"SELECT seq, {_QUERY}, NULL, time_ms, NULL FROM events WHERE {{}} {_NEWEST}"
_OF_USER, _OF_VISIT = "owner = ?", "session = ? AND visit = 1 AND owner IS NULL"
PAST = (_PAST.format(_OF_USER), _PAST.format(_OF_VISIT))
SHOWN = (_SHOWN.format(_OF_USER), _SHOWN.format(_OF_VISIT))
ASKED = (_ASKED.format(_OF_USER), _ASKED.format(_OF_VISIT))

_TOLD = """
SELECT e.seq, e.id, CASE e.visit WHEN 0 THEN u.name END, e.session, e.item, e.type, e.time_ms,
    q.name, e.ranking
FROM events e LEFT JOIN users u ON u.number = e.owner LEFT JOIN queries q ON q.number = e.query
"""
_RANKED = """
SELECT e.seq, e.id, CASE e.visit WHEN 0 THEN u.name END, e.session, q.name, e.items, e.time_ms
FROM pages e LEFT JOIN users u ON u.number = e.owner LEFT JOIN queries q ON q.number = e.query
"""


class Row(NamedTuple):
    """One row of the log: its number, and what was told."""

    time_ms: int
    seq: int
    event: Interaction | Ranking


class Reader:
    """Reads rows with a connection that nobody else uses meanwhile.

    Parameters
    ----------
    items, types
        Numbers of names.
    """

    def __init__(self, items: Vocabulary, types: Vocabulary) -> None:
        self._items, self._types = items, types

    def history(
        self, db: sqlite3.Connection, user: str | None, session: str | None, n: int
    ) -> list[Past]:
        """Return the newest n interactions of a user, and of a session that are nobody's."""
        rows = _newest(db, PAST, user, session, n)
        if not rows:
            return []
        _, item, type_, time_ms, visit = zip(*rows, strict=True)
        items, types = self._items.names(db, item), self._types.names(db, type_)
        return list(map(Past, items, types, time_ms, map(plain_or_none, visit)))

    def shown(
        self, db: sqlite3.Connection, user: str | None, session: str | None, n: int
    ) -> list[Shown]:
        """Return the newest n lists of a user, and of a session that are nobody's."""
        rows = _newest(db, SHOWN, user, session, n)
        lists = self._items.unpacked(db, [items for _, items, *_ in rows])
        return [
            Shown(items, time_ms, plain_or_none(visit))
            for items, (_, _, _, time_ms, visit) in zip(lists, rows, strict=True)
        ]

    def own_queries(
        self, db: sqlite3.Connection, user: str | None, session: str | None, n: int
    ) -> list[str]:
        """Return what the newest n interactions of a user, and of a session, name; newest first."""
        return newest_once([query for _, query, *_ in _newest(db, ASKED, user, session, n)])

    def shoppers(self, db: sqlite3.Connection, n: int) -> list[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        rows = db.execute(
            "SELECT u.name, count(*) FROM events e JOIN users u ON u.number = e.owner "
            "GROUP BY e.owner HAVING count(*) >= ("
            "    SELECT coalesce(min(c), 0) FROM ("
            "        SELECT count(*) c FROM events WHERE owner IS NOT NULL GROUP BY owner "
            "        ORDER BY c DESC LIMIT ?))",
            (n,),
        )
        counted = [(plain(name), count) for name, count in rows]
        return sorted(counted, key=lambda pair: (-pair[1], pair[0]))[:n]

    def told(
        self, db: sqlite3.Connection, where: str, values: tuple[int, ...] = ()
    ) -> Iterator[tuple[int, Told]]:
        """Yield (number, interaction), by a condition and an order in SQL."""
        name, of_type = self._items.name, self._types.name
        for seq, id_, user, session, item, type_, time_ms, query, ranking in _read(
            db, f"{_TOLD} {where}", values
        ):
            yield (
                seq,
                Told(
                    plain(id_),
                    plain_or_none(user),
                    plain_or_none(session),
                    name(db, item),
                    of_type(db, type_),
                    time_ms,
                    query,
                    plain_or_none(ranking),
                ),
            )

    def rankings(
        self, db: sqlite3.Connection, where: str, values: tuple[int, ...] = ()
    ) -> Iterator[tuple[int, Ranking]]:
        """Yield (number, ranking), by a condition and an order in SQL."""
        for seq, id_, user, session, query, packed, time_ms in _read(
            db, f"{_RANKED} {where}", values
        ):
            (items,) = self._items.unpacked(db, [packed])
            yield (
                seq,
                Ranking.model_construct(
                    id=plain(id_),
                    user=plain_or_none(user),
                    session=plain_or_none(session),
                    query=query,
                    items=items,
                    time_ms=time_ms,
                ),
            )


def _newest(
    db: sqlite3.Connection, sql: tuple[str, str], user: str | None, session: str | None, n: int
) -> list[tuple[Any, ...]]:
    own: list[tuple[Any, ...]] = []
    if user is not None and (number := number_of_user(db, user)) is not None:
        own = db.execute(sql[0], (number, n)).fetchall()
    if session is None:
        return own[::-1]
    visit = db.execute(sql[1], (compact(session), n)).fetchall()
    if not visit:
        return own[::-1]
    rows = sorted([*own, *visit], key=lambda row: (row[3], row[0]))
    return rows[max(len(rows) - n, 0) :]


def _read(db: sqlite3.Connection, sql: str, values: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    rows = db.execute(sql, values)
    while batch := rows.fetchmany(READ_AT_ONCE):
        yield from batch
