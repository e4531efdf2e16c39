"""Events of one kind in memory, in time order, by whose they are."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

from search_rerank.data.event import Interaction, Ranking

E = TypeVar("E", bound=Interaction | Ranking)


class Kept(Generic[E]):
    """Interactions or rankings, each once by its id, under a user or a session.

    Rows are (time, number in the order of appending, event).
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.by_user: dict[str, list[tuple[int, int, E]]] = {}
        self._by_visit: dict[str, list[tuple[int, int, E]]] = {}
        """Session to its rows that are no user's."""

    def add(self, number: int, event: E, owner: str | None) -> None:
        """Keep one that is new; what nobody did is only remembered by its id."""
        self.ids.add(event.id)
        row = (event.time_ms, number, event)
        if owner is not None:
            insort(self.by_user.setdefault(owner, []), row)
        elif event.session is not None:
            insort(self._by_visit.setdefault(event.session, []), row)

    def claim(self, session: str, until_ms: int, user: str) -> None:
        """Give a user what a session did under no user up to a time."""
        visit = self._by_visit.get(session, [])
        claimed = [row for row in visit if row[0] <= until_ms]
        if claimed:
            del visit[: len(claimed)]
            for row in claimed:
                insort(self.by_user.setdefault(user, []), row)

    def newest(self, user: str | None, session: str | None, n: int) -> list[E]:
        """Return the newest n of a user, and of a session that are nobody's, oldest first."""
        own = _last(self.by_user.get(user, []), n) if user is not None else []
        visit = _last(self._by_visit.get(session, []), n) if session is not None else []
        rows = _last(sorted([*own, *visit]), n) if visit else own
        return [event for _, _, event in rows]

    def of(self, user: str) -> Sequence[tuple[int, int, E]]:
        """Return the rows of a user."""
        return self.by_user.get(user, ())

    def forget(self, user: str) -> list[E]:
        """Remove those of a user and return them."""
        gone = [event for _, _, event in self.by_user.pop(user, [])]
        self.ids.difference_update(event.id for event in gone)
        return gone

    def expire(self, before_ms: int) -> int:
        """Remove those before a time; return how many."""
        return sum(self._cut(held, before_ms) for held in (self.by_user, self._by_visit))

    def _cut(self, held: dict[str, list[tuple[int, int, E]]], before_ms: int) -> int:
        gone = 0
        for name in list(held):
            old = list(_before(held[name], before_ms))
            self.ids.difference_update(event.id for event in old)
            del held[name][: len(old)]
            if not held[name]:
                del held[name]
            gone += len(old)
        return gone


def _last(rows: list[tuple[int, int, E]], n: int) -> list[tuple[int, int, E]]:
    return rows[max(len(rows) - n, 0) :]


def _before(rows: Sequence[tuple[int, int, E]], time_ms: int) -> Iterator[E]:
    for at, _, event in rows:
        if at >= time_ms:
            return
        yield event
