"""Log-in, in a state file: `search_rerank.state.claims` over a table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import orjson

from search_rerank.data.event import Interaction, Ranking
from search_rerank.state.sqlite.ids import Compact, Numbers, compact

KEPT_DAYS = 2
"""How long claims are remembered for rows of before them that come late."""
_NEXT = """
SELECT time_ms, owner FROM claims WHERE session = ? AND time_ms >= ? ORDER BY time_ms LIMIT 1
"""
_BEFORE = """
SELECT time_ms, owner FROM claims WHERE session = ? AND time_ms < ? ORDER BY time_ms DESC LIMIT 1
"""
_OTHERS = "SELECT 1 FROM claims WHERE session = ? AND owner <> ?"
_CLAIMED = "SELECT c.session FROM json_each(?) j CROSS JOIN claims c ON c.session = j.value"
_ADD = "INSERT INTO claims VALUES (?, ?, ?)"
_GIVE = """
UPDATE {} SET owner = ? WHERE session = ? AND visit = 1 AND owner IS NULL AND time_ms <= ?
"""
_GIVES = (_GIVE.format("events"), _GIVE.format("pages"))


def prune_claims(db: sqlite3.Connection, now_ms: int) -> None:
    """Drop claims that nothing is expected to come late for."""
    db.execute("DELETE FROM claims WHERE time_ms < ?", (now_ms - KEPT_DAYS * 86_400_000,))


class Claiming:
    """Lets users claim sessions, in a transaction that the caller begins and ends.

    Parameters
    ----------
    numbers
        Of sessions.
    """

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def claim(
        self,
        db: sqlite3.Connection,
        events: Sequence[Interaction | Ranking],
        users: Mapping[str, int],
    ) -> None:
        """Give users what their sessions did before; `users` has the number of each."""
        times: dict[str, dict[str, list[int]]] = {}
        for event in events:
            if event.user is not None and event.session is not None:
                of = times.setdefault(event.session, {})
                of.setdefault(event.user, []).append(event.time_ms)
        claimed = self.claimed(db, times)
        first: list[tuple[int, int, int]] = []
        given: list[tuple[int, Compact, int]] = []
        for session, of in times.items():
            number = self._numbers.of_session(session)
            if session not in claimed and len(of) == 1:
                ((user, at),) = of.items()
                first.append((number, max(at), users[user]))
                given.append((users[user], compact(session), max(at)))
                continue
            for time_ms, user in self._that_matter(db, number, of, users):
                self._claim(db, session, number, time_ms, users[user])
        db.executemany(_ADD, sorted(first))
        for give in _GIVES:
            db.executemany(give, given)

    def claimed(self, db: sqlite3.Connection, sessions: Iterable[str]) -> set[str]:
        """Return those of some sessions that users claimed."""
        number = {self._numbers.of_session(session): session for session in sessions}
        if not number:
            return set()
        listed = orjson.dumps(list(number)).decode()
        return {number[found] for (found,) in db.execute(_CLAIMED, (listed,))}

    def owner(self, db: sqlite3.Connection, session: str, time_ms: int) -> int | None:
        """Return whose is what a session did at a time under no user, None for nobody's."""
        found = db.execute(_NEXT, (self._numbers.of_session(session), time_ms)).fetchone()
        return None if found is None else found[1]

    def forget(self, db: sqlite3.Connection, session: str, owner: int) -> None:
        """Drop a user's claims of a session."""
        drop = "DELETE FROM claims WHERE session = ? AND owner = ?"
        db.execute(drop, (self._numbers.of_session(session), owner))

    def _that_matter(
        self,
        db: sqlite3.Connection,
        session: int,
        of: Mapping[str, list[int]],
        users: Mapping[str, int],
    ) -> list[tuple[int, str]]:
        """Return the claims of a session in time order: one user's only claim is their last."""
        if len(of) == 1:
            ((user, times),) = of.items()
            if len(times) == 1 or not db.execute(_OTHERS, (session, users[user])).fetchone():
                return [(max(times), user)]
        return sorted((time_ms, user) for user, times in of.items() for time_ms in times)

    def _claim(
        self, db: sqlite3.Connection, session: str, number: int, time_ms: int, owner: int
    ) -> None:
        later = db.execute(_NEXT, (number, time_ms)).fetchone()
        if later is not None and (later[1] == owner or later[0] == time_ms):
            return
        before = db.execute(_BEFORE, (number, time_ms)).fetchone()
        if before is not None and before[1] == owner:
            drop = "DELETE FROM claims WHERE session = ? AND time_ms = ?"
            db.execute(drop, (number, before[0]))
        db.execute(_ADD, (number, time_ms, owner))
        for give in _GIVES:
            db.execute(give, (owner, compact(session), time_ms))
