"""State on a Redis server, for workers on several machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Interaction, Ranking
from search_rerank.state.base import ItemCounts, Past, Shown
from search_rerank.state.redis import rows
from search_rerank.state.redis.following import Following
from search_rerank.state.redis.server import Durability, Server

Kept = TypeVar("Kept", bound=Past | Shown)
_WRITTEN_AT_ONCE = 500
"""Rows of one script: the server answers nobody else meanwhile."""


class RedisState:
    """The `State` contract over a Redis server.

    Rows are entries of one stream, numbered in the order of appending. Histories are sorted sets
    of numbers. Counters live in memory, one copy a process, and follow the stream: each read first
    counts what any process on any machine appended since the last one, so that an acknowledged
    interaction is part of the very next answer everywhere.

    The server need not be there yet: each call tries it. An object may be used by several threads.

    Parameters
    ----------
    gains
        Weight of each interaction type in the counters.
    url
        ``redis://HOST:PORT/NUMBER``, ``rediss://`` for TLS, ``unix://PATH``.
    prefix
        Of all keys, so that several shops may share a server.
    durability
        ``full``: what `append` returned for survives a power cut; the server must be set to
        ``appendonly yes`` and ``appendfsync always``. ``normal``: it survives a crash of the
        server's process, a power cut may lose the last second; ``appendonly yes``.
    timeout_s
        Seconds to connect in, and to wait for an answer.
    replicas
        How many replicas must have a row before it is acknowledged.

    Raises
    ------
    StateError
        When the server is away, or is not set to what the durability needs.
    """

    def __init__(
        self,
        gains: Mapping[str, float],
        url: str = "redis://127.0.0.1:6379/0",
        prefix: str = "search-rerank",
        durability: Durability = "full",
        timeout_s: float = 1.0,
        replicas: int = 0,
    ) -> None:
        self._server = Server(url, timeout_s, prefix, durability, replicas)
        self._following = Following(self._server, gains)

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions, idempotent by event id; return how many were new."""
        return self._write(events)

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown, idempotent by the ranking's id; return how many were new."""
        return self._write(rankings)

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first."""
        own, visit = self._newest(rows.INTERACTION, user, session, n)
        pasts = [rows.past(row) for row in chain(own, visit)]
        return _latest(pasts, n) if visit else pasts

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first."""
        own, visit = self._newest(rows.RANKING, user, session, n)
        lists = [rows.shown(row) for row in chain(own, visit)]
        return _latest(lists, n) if visit else lists

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        with self._following.counters() as (counters, _):
            return counters.item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        with self._following.counters() as (_, queries):
            return queries.counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        with self._following.counters() as (_, queries):
            return queries.similar(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        with self._following.counters() as (_, queries):
            return queries.starting_with(prefix, n)

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        if n <= 0:
            return []
        with self._server.using() as client:
            found: Any = client.zrange(self._server.key("shoppers"), 0, n - 1, withscores=True)
        return [(user.decode(), int(-count)) for user, count in found]

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first."""
        return self._number("seq")

    def __len__(self) -> int:
        """Return how many interactions are stored."""
        return self._number("interactions")

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _write(self, new: Sequence[Interaction | Ranking]) -> int:
        parts = (new[at : at + _WRITTEN_AT_ONCE] for at in range(0, len(new), _WRITTEN_AT_ONCE))
        return sum(self._server.write("append", list(rows.appended(part))) for part in parts)

    def _newest(
        self, kind: str, user: str | None, session: str | None, n: int
    ) -> tuple[list[bytes], list[bytes]]:
        """Return rows of a user and of a session under no user, each oldest first."""
        if n <= 0:
            return [], []
        keys = [
            self._server.key(f"{whose}{kind}:", who or "")
            for whose, who in (("u", user), ("s", session))
        ]
        own, visit = self._server.run("newest", keys, [n])
        return own[::-1], visit[::-1]

    def _number(self, name: str) -> int:
        with self._server.using() as client:
            found: Any = client.get(self._server.key(name))
        return int(found or 0)


def _latest(kept: list[Kept], n: int) -> list[Kept]:
    return sorted(kept, key=attrgetter("time_ms"))[-n:]
