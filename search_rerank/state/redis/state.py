"""State on a Redis server, for workers on several machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking, Told
from search_rerank.state.base import Forgotten, ItemCounts, Maintained, Past, Shown
from search_rerank.state.own import newest_once
from search_rerank.state.redis import rows
from search_rerank.state.redis.following import Following
from search_rerank.state.redis.people import People
from search_rerank.state.redis.server import Durability, Server
from search_rerank.state.redis.upkeep import Upkeep

Kept = TypeVar("Kept", bound=Past | Shown | Told)
_PROBE_MS = 1_000
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
    retention_days, log_days
        Days after which rows leave the histories, and after which those leave the log, too; None
        for never. See `maintain`.
    snapshot
        File of this machine in which the counters are kept now and then, so that a process that
        starts need not count the whole log again; None for none.

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
        timeout_s: float = 2.0,
        replicas: int = 0,
        retention_days: float | None = None,
        log_days: float | None = None,
        snapshot: Path | None = None,
    ) -> None:
        self._server = Server(url, timeout_s, prefix, durability, replicas)
        self._following = Following(self._server, gains, snapshot)
        self._people = People(self._server)
        self._upkeep = Upkeep(self._server, retention_days, log_days)

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions, idempotent by event id; return how many were new."""
        return self._write(events)

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown, idempotent by the ranking's id; return how many were new."""
        return self._write(rankings)

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first."""
        return self._newest(rows.INTERACTION, rows.past, user, session, n)

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first."""
        return self._newest(rows.RANKING, rows.shown, user, session, n)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        with self._following.tally() as tally:
            return tally.item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        with self._following.tally() as tally:
            return tally.query_counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        with self._following.tally() as tally:
            return tally.similar_counts(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        with self._following.tally() as tally:
            return tally.past_queries(prefix, n)

    def own_queries(self, user: str | None, session: str | None, n: int) -> Sequence[str]:
        """Return the queries that a shopper's newest n interactions name, the newest first."""
        told = self._newest(rows.INTERACTION, rows.told, user, session, n)
        return newest_once([one.query for one in told])

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        if n <= 0:
            return []
        with self._server.using() as client:
            found: Any = client.zrange(self._server.key("shoppers"), 0, n - 1, withscores=True)
        return [(user.decode(), int(-count)) for user, count in found]

    def export(self, user: str) -> Iterator[Event]:
        """Yield everything stored of a user, as it was told, in time order."""
        return self._people.export(user)

    def forget(self, user: str, now_ms: int) -> Forgotten:
        """Remove everything of a user; what is told of them up to the moment is not stored."""
        receipt = self._people.forget(user, now_ms)
        with self._following.tally():  # the snapshot of this machine goes at once
            pass
        return receipt

    def set_opted_out(self, user: str, opted_out: bool) -> None:
        """Store nothing of a user from now on, or do so again; what is stored stays."""
        self._people.set_opted_out(user, opted_out)

    def opted_out(self, user: str) -> bool:
        """Return whether a user opted out."""
        return self._people.opted_out(user)

    def expire(self, before_ms: int) -> int:
        """Take interactions and pages before a time out of the histories; return how many."""
        return self._upkeep.expire(before_ms)

    def maintain(self, now_ms: int) -> Maintained:
        """Do some of what is due, for about a second; the counters of this process follow, too."""
        with self._following.tally():
            pass
        self._following.keep()
        return self._upkeep.maintain(now_ms)

    def check_writable(self) -> None:
        """Set a key that expires: one that is out of memory, or only reads, refuses."""
        with self._server.using() as client:
            client.set(self._server.key("probe"), b"", px=_PROBE_MS)

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first."""
        return self._server.number("seq")

    def __len__(self) -> int:
        """Return how many interactions the histories hold."""
        return self._server.number("interactions")

    def close(self) -> None:
        """Keep the counters if that is due, and close the connections."""
        self._following.keep()
        self._server.close()

    def _write(self, events: Sequence[Event]) -> int:
        once: dict[str, Event] = {}
        for event in events:
            once.setdefault(event.id, event)
        new = list(once.values())
        stored = 0
        for at in range(0, len(new), _WRITTEN_AT_ONCE):
            values = rows.to_append(new[at : at + _WRITTEN_AT_ONCE], self._server.hashes())
            stored += self._server.write("append", (), list(values))
        return stored

    def _newest(
        self,
        kind: rows.Kind,
        read: Callable[[bytes], Kept],
        user: str | None,
        session: str | None,
        n: int,
    ) -> list[Kept]:
        """Return the newest rows of a user and of a session that are no user's, oldest first."""
        if n <= 0:
            return []
        keys = [
            self._server.key(f"u{kind}:", user or ""),
            self._server.key(f"s{kind}:", session or ""),
        ]
        own, visit = self._server.run("newest", keys, [n])
        found = [
            (kept.time_ms, number, kept)
            for part in (own, visit)
            for number, row in zip(part[::2], part[1::2], strict=True)
            for kept in (read(row),)
        ]
        if visit:
            found.sort(key=lambda row: row[:2], reverse=True)
        return [kept for _, _, kept in found[n - 1 :: -1]]
