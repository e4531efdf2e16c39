"""Names as numbers: of users, items, types of interactions and queries."""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import cast

from search_rerank.state.sqlite.ids import compact, plain

_ITEM = "I"


class Vocabulary:
    """Numbers of names that are never removed, such as items, remembered by this process.

    Each method takes a connection that nobody else uses meanwhile.

    Parameters
    ----------
    table
        ``items`` or ``types``.
    """

    def __init__(self, table: str) -> None:
        self._find = f"SELECT number FROM {table} WHERE name = ?"
        self._add = f"INSERT INTO {table} (name) VALUES (?)"
        self._all = f"SELECT number, name FROM {table} WHERE number > ? ORDER BY number"
        self._numbers: dict[str, int] = {}
        self._names: list[str | None] = [None]
        """The name of each number, as far as they were read."""

    def remember(self, db: sqlite3.Connection) -> None:
        """Read the names that were added since, before a transaction that may fail adds some."""
        for new, name in db.execute(self._all, (len(self._names) - 1,)):
            self._names.extend([None] * (new + 1 - len(self._names)))
            self._names[new] = text = plain(name)
            self._numbers[text] = new

    def numbers(self, db: sqlite3.Connection, names: Iterable[str]) -> dict[str, int]:
        """Return the number of each name, in a transaction that adds those that are new.

        They are remembered when they are read back: the transaction may fail.
        """
        found = {}
        for name in set(names):
            number = self._numbers.get(name) or self._found(db, name)
            if number is None:
                number = db.execute(self._add, (compact(name),)).lastrowid
                assert number is not None
            found[name] = number
        return found

    def known(self, db: sqlite3.Connection, names: Collection[str]) -> list[int]:
        """Return the numbers of those names that have one."""
        found = (self._numbers.get(name) or self._found(db, name) for name in names)
        return [number for number in found if number is not None]

    def name(self, db: sqlite3.Connection, number: int) -> str:
        """Return the name of a number that was read outside of a transaction that may fail."""
        if number >= len(self._names) or self._names[number] is None:
            self.remember(db)
        name = self._names[number]
        if name is None:
            raise sqlite3.DatabaseError(f"number {number} has no name: the file is damaged")
        return name

    def names(self, db: sqlite3.Connection, numbers: Sequence[int]) -> list[str]:
        """Return the names of numbers; see `name`."""
        held = self._names
        try:
            found = [held[number] for number in numbers]
        except IndexError:  # added since, by whichever process
            found = [None]
        if None in found:
            return [self.name(db, number) for number in numbers]
        return cast("list[str]", found)

    def packed(self, db: sqlite3.Connection, names: Sequence[str]) -> bytes:
        """Return names as bytes, four each; see `numbers`."""
        numbers = self.numbers(db, names)
        return array(_ITEM, [numbers[name] for name in names]).tobytes()

    def unpacked(self, db: sqlite3.Connection, packed: bytes) -> tuple[str, ...]:
        """Return the names that were packed; see `name`."""
        return tuple(self.names(db, array(_ITEM, packed)))

    def _found(self, db: sqlite3.Connection, name: str) -> int | None:
        row = db.execute(self._find, (compact(name),)).fetchone()
        return None if row is None else row[0]


def number_of_user(db: sqlite3.Connection, user: str) -> int | None:
    """Return the number of a user, None where nothing is stored of them."""
    row = db.execute("SELECT number FROM users WHERE name = ?", (compact(user),)).fetchone()
    return None if row is None else row[0]


def numbers_of_users(db: sqlite3.Connection, users: Iterable[str]) -> dict[str, int]:
    """Return the number of each user, in a transaction that adds those that are new."""
    found = {}
    for user in set(users):
        number = number_of_user(db, user)
        if number is None:
            number = db.execute("INSERT INTO users (name) VALUES (?)", (compact(user),)).lastrowid
            assert number is not None
        found[user] = number
    return found


def use_queries(db: sqlite3.Connection, texts: Iterable[str]) -> dict[str, int]:
    """Count one use of a query for each text, and return the number of each."""
    sql = (
        "INSERT INTO queries (name, uses) VALUES (?, ?) ON CONFLICT (name) "
        "DO UPDATE SET uses = uses + excluded.uses RETURNING number"
    )
    return {
        text: db.execute(sql, (text, uses)).fetchone()[0] for text, uses in Counter(texts).items()
    }


def leave_queries(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Count off one use for each number; the text of a query that is used no more goes."""
    left = [(uses, number) for number, uses in Counter(numbers).items()]
    db.executemany("UPDATE queries SET uses = uses - ? WHERE number = ?", left)
    gone = "DELETE FROM queries WHERE number = ? AND uses <= 0"
    db.executemany(gone, [(number,) for _, number in left])
