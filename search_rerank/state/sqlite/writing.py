"""Rows into a state file: each once, under whose they are, and claimed at log-in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from search_rerank.data.event import Interaction, Ranking
from search_rerank.state.hashed import Hashed
from search_rerank.state.kept import E
from search_rerank.state.sqlite.claiming import Claiming
from search_rerank.state.sqlite.ids import Compact, Numbers, compact
from search_rerank.state.sqlite.names import Vocabulary, numbers_of_users, packed, use_queries


@dataclass(frozen=True)
class _Kind:
    """Where rows of one kind are kept."""

    table: str
    columns: int

    @property
    def find(self) -> str:
        """Find those of ids that are there, given their numbers."""
        table = self.table
        return (
            f"SELECT t.id FROM json_each(?) j CROSS JOIN {table[:-1]}_ids i ON i.hash = j.value "
            f"CROSS JOIN {table} t ON t.seq = i.seq"
        )

    @property
    def add(self) -> str:
        """Add a row."""
        return f"INSERT INTO {self.table} VALUES ({', '.join('?' * self.columns)})"

    @property
    def add_id(self) -> str:
        """Add what finds a row by its id."""
        return f"INSERT INTO {self.table[:-1]}_ids VALUES (?, ?)"


_EVENTS, _PAGES = _Kind("events", 10), _Kind("pages", 8)


class Writer:
    """Stores interactions and rankings in a transaction that the caller begins and ends.

    Parameters
    ----------
    key
        Secret of the file.
    items, types
        Numbers of names.
    """

    def __init__(self, key: bytes, items: Vocabulary, types: Vocabulary) -> None:
        self._items, self._types = items, types
        self._numbers = Numbers(key)
        self._hashed = Hashed(key)
        self._claiming = Claiming(self._numbers)

    def append(
        self, db: sqlite3.Connection, events: Sequence[Interaction], seqs: Iterable[int] = ()
    ) -> int:
        """Store interactions and return how many were new.

        Parameters
        ----------
        seqs
            Numbers that they had in another layout, rising; left out, they get the next ones.
        """
        new = self._new(db, _EVENTS, events)
        if not new:
            return 0
        self._items.remember(db)
        items = self._items.numbers(db, (event.item for event, _, _ in new))
        types = self._types.numbers(db, (event.type for event, _, _ in new))
        rows = []
        for seq, id_, event, owner, query in self._placed(db, _EVENTS, new, seqs):
            ranking = None if event.ranking is None else compact(event.ranking)
            session = None if event.session is None else compact(event.session)
            visit, item, type_ = event.user is None, items[event.item], types[event.type]
            rows.append(
                (seq, id_, owner, visit, session, item, type_, event.time_ms, query, ranking)
            )
        db.executemany(_EVENTS.add, rows)
        return len(rows)

    def show(
        self, db: sqlite3.Connection, rankings: Sequence[Ranking], seqs: Iterable[int] = ()
    ) -> int:
        """Store what was shown and return how many were new; `seqs` as in `append`."""
        new = self._new(db, _PAGES, rankings)
        self._items.remember(db)
        number = self._items.numbers(db, {item for page, _, _ in new for item in page.items})
        rows: list[tuple[Any, ...]] = []
        for seq, id_, page, owner, query in self._placed(db, _PAGES, new, seqs):
            items = packed(number[item] for item in page.items)
            session = None if page.session is None else compact(page.session)
            rows.append((seq, id_, owner, page.user is None, session, query, items, page.time_ms))
        db.executemany(_PAGES.add, rows)
        return len(rows)

    def _new(
        self, db: sqlite3.Connection, kind: _Kind, events: Sequence[E]
    ) -> list[tuple[E, Compact, int]]:
        """Return those that are to be stored, with their compact ids and numbers of those."""
        first: dict[str, E] = {}
        for event in events:
            first.setdefault(event.id, event)
        numbered = {id_: self._numbers.of(id_) for id_ in first}
        listed = orjson.dumps(sorted(numbered.values())).decode()  # in the order of the index
        there = {id_ for (id_,) in db.execute(kind.find, (listed,))}
        horizon, opted_out, gone = db.execute(
            "SELECT value, EXISTS (SELECT 1 FROM opted_out), EXISTS (SELECT 1 FROM gone) "
            "FROM meta WHERE name = 'expired_ms'"
        ).fetchone()
        found = ((event, compact(id_), numbered[id_]) for id_, event in first.items())
        return [
            row
            for row in found
            if row[1] not in there
            and row[0].time_ms >= horizon
            and not (opted_out and self._is_opted_out(db, row[0]))
            and not (gone and self._is_gone(db, row[0]))
        ]

    def _placed(
        self,
        db: sqlite3.Connection,
        kind: _Kind,
        new: Sequence[tuple[E, Compact, int]],
        seqs: Iterable[int],
    ) -> list[tuple[int, Compact, E, int | None, int | None]]:
        """Give rows their numbers, owners and numbers of queries; let them claim visits."""
        users = numbers_of_users(db, (e.user for e, _, _ in new if e.user is not None))
        self._claiming.claim(db, [event for event, _, _ in new], users)
        visits = {e.session for e, _, _ in new if e.user is None and e.session is not None}
        claimed = self._claiming.claimed(db, visits)
        queries = use_queries(db, (e.query for e, _, _ in new if e.query is not None))
        (mark,) = db.execute("SELECT value FROM meta WHERE name = 'mark'").fetchone()
        numbers = list(seqs) or range(mark + 1, mark + 1 + len(new))
        last = max(mark, numbers[-1]) if new else mark
        db.execute("UPDATE meta SET value = ? WHERE name = 'mark'", (last,))
        placed, found = [], []
        for seq, (event, id_, number) in zip(numbers, new, strict=True):
            owner: int | None = None
            if event.user is not None:
                owner = users[event.user]
            elif event.session in claimed:
                owner = self._claiming.owner(db, event.session, event.time_ms)
            query = None if event.query is None else queries[event.query]
            placed.append((seq, id_, event, owner, query))
            found.append((number, seq))
        db.executemany(kind.add_id, sorted(found))  # neighbours share pages of the index
        return placed

    def _is_opted_out(self, db: sqlite3.Connection, event: Interaction | Ranking) -> bool:
        if event.user is None:
            return False
        who = self._hashed("user", event.user)
        return db.execute("SELECT 1 FROM opted_out WHERE who = ?", (who,)).fetchone() is not None

    def _is_gone(self, db: sqlite3.Connection, event: Interaction | Ranking) -> bool:
        if event.user is not None:
            who = self._hashed("user", event.user)
        elif event.session is not None:
            who = self._hashed("session", event.session)
        else:
            return False
        sql = "SELECT 1 FROM gone WHERE who = ? AND until_ms >= ?"
        return db.execute(sql, (who, event.time_ms)).fetchone() is not None
