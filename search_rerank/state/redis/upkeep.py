"""What is done now and then: old rows leave the histories, and then the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from uuid import uuid4

from search_rerank.state.base import Maintained
from search_rerank.state.redis import rows
from search_rerank.state.redis.server import Server

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_KEYS_AT_ONCE = 500
_ROWS_AT_ONCE = 500
_WORK_S = 1.0
_LOCKED_S = 60
_TAKEN_KEPT_S = 86_400
"""How long those who counted what is forgotten have to learn of it; later they count anew."""
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Upkeep:
    """Retention of a server's state.

    Parameters
    ----------
    server
        The server.
    retention_days
        Days after which rows leave the histories; None for never.
    log_days
        Days after which rows that left the histories leave the log; None for never.
    """

    def __init__(
        self, server: Server, retention_days: float | None, log_days: float | None
    ) -> None:
        self._server = server
        self._retention_days = retention_days
        self._log_days = log_days

    def expire(self, before_ms: int) -> int:
        """Take rows before a time out of the histories; return how many."""
        expired, cursor = self._expire_next(before_ms, 0)
        while cursor:
            more, cursor = self._expire_next(before_ms, cursor)
            expired += more
        return expired

    def maintain(self, now_ms: int) -> Maintained:
        """Do some of what is due, for about a second, unless another process does."""
        until_s = monotonic() + _WORK_S
        with self._alone() as alone:
            if not alone:
                return Maintained()
            self._drop_taken()
            expired, more = self._expire_due(now_ms, until_s)
            if not more:
                more = self._drop_due(now_ms, until_s)
            return Maintained(expired=expired, more=more)

    def _expire_due(self, now_ms: int, until_s: float) -> tuple[int, bool]:
        """Go on with a walk over all histories, or begin one each hour; return what is left."""
        if self._retention_days is None:
            return 0, False
        with self._server.using() as client:
            walk: Any = client.hgetall(self._server.key("walk"))
        before_ms, cursor = int(walk.get(b"before", 0)), int(walk.get(b"cursor", 0))
        if not cursor:
            due_ms = now_ms - int(self._retention_days * _DAY_MS)
            if due_ms < max(before_ms, self._server.number("expired")) + _HOUR_MS:
                return 0, False
            before_ms = due_ms
        expired = 0
        while True:
            n, cursor = self._expire_next(before_ms, cursor)
            expired += n
            with self._server.using() as client:
                client.hset(
                    self._server.key("walk"), mapping={"before": before_ms, "cursor": cursor}
                )
            if not cursor or monotonic() > until_s:
                return expired, bool(cursor)

    def _expire_next(self, before_ms: int, cursor: int) -> tuple[int, int]:
        """Expire the next few histories of a walk; return how many rows, and where it goes on."""
        with self._server.using() as client:
            found: Any = client.scan(cursor, self._server.key("[us][ir]:*"), _KEYS_AT_ONCE)
        cursor, keys = found
        return self._server.write("expire", keys, [before_ms]), int(cursor)

    def _drop_due(self, now_ms: int, until_s: float) -> bool:
        """Drop the log's oldest rows that no history holds; return whether there are more."""
        if self._log_days is None:
            return False
        due_ms = now_ms - int(self._log_days * _DAY_MS)
        before_ms = min(due_ms, self._server.number("expired"))
        while monotonic() < until_s:
            entries = self._server.oldest(_ROWS_AT_ONCE)
            old = [
                (number, kind, event)
                for number, kind, row in entries
                if (event := rows.event(kind, row)).time_ms < before_ms
            ]
            if not old:
                return False
            with self._server.using() as client, client.pipeline() as pipe:
                for number, kind, event in old:
                    bucket, digest = rows.digest_of(kind, event.id)
                    pipe.xdel(self._server.key("log"), f"{number}-0")
                    pipe.srem(self._server.key("ids:", bucket), digest)
                    if event.user is not None:
                        key = self._server.key(f"x{kind}:", event.user)
                        pipe.zrem(key, number.to_bytes(6, "big"))
                pipe.incrby(self._server.key("dropped"), sum(kind == "i" for _, kind, _ in old))
                pipe.set(self._server.key("dropped_ms"), before_ms)
                pipe.execute()
        return True

    def _drop_taken(self) -> None:
        key = self._server.key("taken")
        with self._server.using() as client:
            now_s, _ = client.time()
            told: Any = client.xrange(key, count=_ROWS_AT_ONCE)
            old = [id_ for id_, _ in told if int(id_.partition(b"-")[2]) < now_s - _TAKEN_KEPT_S]
            if old:
                client.xdel(key, *old)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Tell whether nobody else is at it; keep others away meanwhile."""
        key, own = self._server.key("upkeep"), uuid4().hex
        with self._server.using() as client:
            alone = bool(client.set(key, own, nx=True, ex=_LOCKED_S))
        try:
            yield alone
        finally:
            if alone:
                with self._server.using() as client:
                    client.eval(_UNLOCK, 1, key, own)
