"""Everything of a user: found for them, or removed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import orjson

from search_rerank.data.event import Interaction, Ranking
from search_rerank.state.askers import short
from search_rerank.state.base import Forgotten
from search_rerank.state.hashed import Hashed
from search_rerank.state.sqlite.claiming import Claiming
from search_rerank.state.sqlite.expiry import remove_ids, remove_users
from search_rerank.state.sqlite.ids import Numbers
from search_rerank.state.sqlite.lines import Line, ranking_of_line, told_of_line
from search_rerank.state.sqlite.names import leave_queries, number_of_user
from search_rerank.state.sqlite.reading import Row
from search_rerank.state.sqlite.upkeep import Upkeep


class Forgetting:
    """Finds the rows of a user in the tables and in files, and removes them from both.

    What is in files is removed by number, so that a process that is killed on the way leaves work
    that another can finish, and no name.

    Parameters
    ----------
    upkeep
        Whose connection is used, and which writes files anew.
    key
        Secret of the file.
    """

    def __init__(self, upkeep: Upkeep, key: bytes) -> None:
        self._upkeep = upkeep
        self._hashed = Hashed(key)
        self._numbers = Numbers(key)
        self._claiming = Claiming(self._numbers)

    def find(self, user: str) -> list[Row]:
        """Return everything stored of a user, in time order."""
        with self._upkeep.alone() as db:
            assert db is not None
            rows = self._in_tables(db, user)
            rows += self._in_files(db, user)
        return sorted(rows, key=lambda row: row[:2])

    def forget(self, user: str, now_ms: int) -> Forgotten:
        """Remove everything of a user, everywhere but in counters, which follow `corrections`."""
        with self._upkeep.alone() as db:
            assert db is not None
            self._upkeep.finish(db)
            filed = self._in_files(db, user)
            with db:
                db.execute("BEGIN IMMEDIATE")
                tabled = self._in_tables(db, user)
                self._note(db, user, [*filed, *tabled], now_ms)
                self._remove(db, user, filed, tabled)
                self._mark_files(db, filed, tabled)
            segments = self._upkeep.finish(db)
            complete = not db.execute("SELECT value FROM meta WHERE name = 'unclean'").fetchone()[0]
        pages = sum(isinstance(row.event, Ranking) for row in (*filed, *tabled))
        return Forgotten(len(filed) + len(tabled) - pages, pages, segments, complete)

    def _in_tables(self, db: sqlite3.Connection, user: str) -> list[Row]:
        number = number_of_user(db, user)
        if number is None:
            return []
        told = self._upkeep.reader.told(db, "WHERE e.owner = ?", (number,))
        rows = [
            Row(one.time_ms, seq, Interaction.model_construct(**one._asdict())) for seq, one in told
        ]
        shown = self._upkeep.reader.rankings(db, "WHERE e.owner = ?", (number,))
        return [*rows, *(Row(page.time_ms, seq, page) for seq, page in shown)]

    def _in_files(self, db: sqlite3.Connection, user: str) -> list[Row]:
        """Return what only files hold: what was told of the user, and the visits they claimed."""
        segments = self._upkeep.segments
        number = number_of_user(db, user)
        found = db.execute("SELECT seq FROM claimed WHERE owner = ?", (number,))
        claimed = {seq for (seq,) in found}
        rows = []
        for segment in segments.all(db):
            if segment.holds_more:
                for line in segments.expired_of_user(db, segment, user, claimed):
                    rows.append(_row(line))
        return rows

    def _note(self, db: sqlite3.Connection, user: str, rows: Sequence[Row], now_ms: int) -> None:
        """Note what counters must take back, and of whom nothing must be stored again."""
        sql = (
            "INSERT INTO corrections (seq, item, type, time_ms, query, items, user, session) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        )
        for row in rows:
            event = row.event
            values: tuple[Any, ...]
            if isinstance(event, Ranking):
                values = (row.seq, None, None, row.time_ms, None, orjson.dumps(event.items))
            else:
                values = (row.seq, event.item, event.type, row.time_ms, event.query, None)
            told = short(self._hashed("user", event.user)) if event.user else None
            visit = short(self._hashed("session", event.session)) if event.session else None
            db.execute(sql, (*values, told, visit))
        sessions = {row.event.session for row in rows if row.event.user is not None}
        gone = [self._hashed("user", user)]
        gone += [self._hashed("session", session) for session in sessions if session is not None]
        db.executemany(
            "INSERT INTO gone VALUES (?, ?) ON CONFLICT (who) "
            "DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)",
            [(one, now_ms) for one in gone],
        )
        db.execute("UPDATE meta SET value = 1 WHERE name = 'unclean'")

    def _remove(
        self, db: sqlite3.Connection, user: str, filed: Sequence[Row], tabled: Sequence[Row]
    ) -> None:
        number = number_of_user(db, user)
        if number is None:
            return
        db.execute("DELETE FROM claimed WHERE owner = ?", (number,))
        for table, kind in (("events", Interaction), ("pages", Ranking)):
            own = [row for row in tabled if isinstance(row.event, kind)]
            remove_ids(db, table, [(self._numbers.of(row.event.id), row.seq) for row in own])
            used = db.execute(
                f"SELECT query FROM {table} WHERE owner = ? AND query IS NOT NULL", (number,)
            )
            queries = [query for (query,) in used]
            db.execute(f"DELETE FROM {table} WHERE owner = ?", (number,))
            leave_queries(db, queries)
        told = (row.event for row in (*filed, *tabled) if row.event.user is not None)
        for session in {event.session for event in told}:
            if session is not None:
                self._claiming.forget(db, session, number)
        remove_users(db, {number})

    def _mark_files(
        self, db: sqlite3.Connection, filed: Sequence[Row], tabled: Sequence[Row]
    ) -> None:
        for segment in self._upkeep.segments.all(db):
            own = [one.seq for one in (*filed, *tabled) if segment.first <= one.seq <= segment.last]
            if own and not segment.dropped:
                sql = "INSERT INTO rewrites VALUES (?, ?)"
                db.executemany(sql, [(segment.number, seq) for seq in own])
            gone = sum(
                segment.first <= one.seq <= segment.last and isinstance(one.event, Interaction)
                for one in filed
            )
            sql = "UPDATE segments SET expired = expired - ? WHERE number = ?"
            db.execute(sql, (gone, segment.number))


def _row(line: Line) -> Row:
    if line["event"] == "ranking":
        return Row(line["timestamp"], line["seq"], ranking_of_line(line))
    told = Interaction.model_construct(**told_of_line(line)._asdict())
    return Row(line["timestamp"], line["seq"], told)
