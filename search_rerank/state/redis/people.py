"""What shoppers may ask for: all that is stored of them, its removal, and to be left out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from search_rerank.data.event import Event
from search_rerank.state.base import Forgotten
from search_rerank.state.redis import rows
from search_rerank.state.redis.server import Server

_AT_ONCE = 500
_OF_USER = tuple(product("ux", rows.KINDS))
"""Sorted sets of a user: in the histories and in the log alone, by kind."""


class People:
    """Users of a server's state, each by name."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def export(self, user: str) -> Iterator[Event]:
        """Yield everything stored of a user, as it was told, in time order."""
        with self._server.using() as client, client.pipeline(transaction=False) as pipe:
            for where, kind in _OF_USER:
                pipe.zrange(self._key(where, kind, user), 0, -1, withscores=True)
            sets = pipe.execute()
        # A row that expires meanwhile is in both sets of its kind.
        found = sorted(
            {
                (int(time), _number(member), kind)
                for (_, kind), members in zip(_OF_USER, sets, strict=True)
                for member, time in members
            }
        )
        for at in range(0, len(found), _AT_ONCE):
            part = found[at : at + _AT_ONCE]
            stored = self._server.rows([number for _, number, _ in part])
            for (_, _, kind), row in zip(part, stored, strict=True):
                if row is not None:
                    yield rows.event(kind, row)

    def forget(self, user: str, now_ms: int) -> Forgotten:
        """Remove everything of a user; what is told of them up to the moment is not stored."""
        hashed = self._server.hashes()
        values: list[str | int | bytes] = [now_ms, user, hashed("user", user).hex()]
        self._server.write("refuse", (), values)
        sessions = {event.session for event in self.export(user) if event.user and event.session}
        for part in _parts(sorted(sessions)):
            visits = [value for one in part for value in (one, hashed("session", one).hex())]
            self._server.write("refuse", (), [*values, *visits])
        removed = {(where, kind): self._remove(where, kind, user) for where, kind in _OF_USER}
        interactions, rankings = (
            sum(removed[where, kind] for where in "ux") for kind in rows.KINDS
        )
        return Forgotten(interactions, rankings, 0, True)

    def set_opted_out(self, user: str, opted_out: bool) -> None:
        """Store nothing of a user from now on, or do so again; what is stored stays."""
        key, who = self._server.key("out"), self._server.hashes()("user", user).hex()
        with self._server.using() as client:
            if opted_out:
                client.sadd(key, who)
            else:
                client.srem(key, who)

    def opted_out(self, user: str) -> bool:
        """Return whether a user opted out."""
        who = self._server.hashes()("user", user).hex()
        with self._server.using() as client:
            return bool(client.sismember(self._server.key("out"), who))

    def _remove(self, where: str, kind: rows.Kind, user: str) -> int:
        key, removed = self._key(where, kind, user), 0
        while True:
            with self._server.using() as client:
                found: Any = client.zrange(key, 0, _AT_ONCE - 1)
            numbers = [_number(member) for member in found]
            if not numbers:
                return removed
            values: list[str | int | bytes] = [kind, user if where == "u" else ""]
            for number, row in zip(numbers, self._server.rows(numbers), strict=True):
                values += [number, *rows.to_remove(number, kind, row, self._server.hashes())]
            removed += self._server.write("remove", (key,), values)

    def _key(self, where: str, kind: rows.Kind, user: str) -> str:
        return self._server.key(f"{where}{kind}:", user)


def _number(member: bytes) -> int:
    return int.from_bytes(member, "big")


def _parts(names: list[str]) -> Iterator[list[str]]:
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))
