"""Names as numbers: of users, items, types of interactions and queries."""

from __future__ import annotations

import sqlite3
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import cast

from search_rerank.state.sqlite.ids import Compact, compact, plain

_ITEM = "I"
_ITEM_BYTES = array(_ITEM).itemsize
_AT_ONCE = 500


class Vocabulary:
    """Numbers of names that are never removed, such as items, remembered by this process.

    Each method takes a connection that nobody else uses meanwhile.

    Parameters
    ----------
    table
        ``items`` or ``types``.
    """

    def __init__(self, table: str) -> None:
        self._table = table
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
        found = {name: self._numbers.get(name) for name in names}
        unknown = [name for name, number in found.items() if number is None]
        return cast(dict[str, int], found | _numbered(db, self._table, unknown))

    def known(self, db: sqlite3.Connection, names: Collection[str]) -> list[int]:
        """Return the numbers of those names that have one."""
        return list(_found(db, self._table, [compact(name) for name in names]).values())

    def name(self, db: sqlite3.Connection, number: int) -> str:
        """Return the name of a number that was read outside of a transaction that may fail."""
        name = self._names[number] if number < len(self._names) else None
        return name or self._read(db, number)

    def _read(self, db: sqlite3.Connection, number: int) -> str:
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
        if not all(found):
            return [self.name(db, number) for number in numbers]
        return cast("list[str]", found)

    def unpacked(self, db: sqlite3.Connection, lists: Sequence[bytes]) -> Iterator[tuple[str, ...]]:
        """Yield the names of each list of numbers that `packed` packed; see `name`."""
        names = iter(self.names(db, array(_ITEM, b"".join(lists))))
        for numbers in lists:
            yield tuple(islice(names, len(numbers) // _ITEM_BYTES))


def packed(numbers: Iterable[int]) -> bytes:
    """Return numbers as bytes, four each."""
    return array(_ITEM, numbers).tobytes()


def number_of_user(db: sqlite3.Connection, user: str) -> int | None:
    """Return the number of a user, None where nothing is stored of them."""
    row = db.execute("SELECT number FROM users WHERE name = ?", (compact(user),)).fetchone()
    return None if row is None else row[0]


def numbers_of_users(db: sqlite3.Connection, users: Iterable[str]) -> dict[str, int]:
    """Return the number of each user, in a transaction that adds those that are new."""
    return _numbered(db, "users", set(users))


def use_queries(db: sqlite3.Connection, texts: Iterable[str]) -> dict[str, int]:
    """Count one use of a query for each text, and return the number of each."""
    counted = sorted(Counter(texts).items())
    add = (
        "INSERT INTO queries (name, uses) VALUES (?, ?) ON CONFLICT (name) "
        "DO UPDATE SET uses = uses + excluded.uses"
    )
    db.executemany(add, counted)
    return cast(dict[str, int], _found(db, "queries", [text for text, _ in counted]))


def leave_queries(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Count off one use for each number; the text of a query that is used no more goes."""
    left = [(uses, number) for number, uses in Counter(numbers).items()]
    db.executemany("UPDATE queries SET uses = uses - ? WHERE number = ?", left)
    gone = "DELETE FROM queries WHERE number = ? AND uses <= 0"
    db.executemany(gone, [(number,) for _, number in left])


def _numbered(db: sqlite3.Connection, table: str, names: Iterable[str]) -> dict[str, int]:
    """Return the number of each name, each given once, in a transaction that adds the new ones."""
    kept = {name: compact(name) for name in names}
    found = _found(db, table, kept.values())
    new = [one for one in kept.values() if one not in found]
    if new:
        db.executemany(f"INSERT INTO {table} (name) VALUES (?)", [(one,) for one in new])
        found |= _found(db, table, new)
    return {name: found[one] for name, one in kept.items()}


def _found(db: sqlite3.Connection, table: str, names: Iterable[Compact]) -> dict[Compact, int]:
    """Return the numbers of those names that have one, many at a time."""
    found: dict[Compact, int] = {}
    waiting = iter(names)
    while some := list(islice(waiting, _AT_ONCE)):
        asked = ", ".join("?" * len(some))
        sql = f"SELECT name, number FROM {table} WHERE name IN ({asked})"
        found.update(db.execute(sql, some))
    return found
