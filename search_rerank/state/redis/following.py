"""Counters of one process that follow the log on the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock

from search_rerank.state.counters import Counters
from search_rerank.state.queries import QueryCounters
from search_rerank.state.redis import rows
from search_rerank.state.redis.server import Entry, Server


class Following:
    """Counters that have seen the log up to a number.

    Parameters
    ----------
    server
        Whose log is followed.
    gains
        Weight of each interaction type in the counters.
    """

    def __init__(self, server: Server, gains: Mapping[str, float]) -> None:
        self._server = server
        self._gains = gains
        self._lock = RLock()
        self._counted = 0
        self._epoch: bytes | None = None
        self._counters = Counters(gains)
        self._queries = QueryCounters(gains)

    @contextmanager
    def counters(self) -> Iterator[tuple[Counters, QueryCounters]]:
        """Lend the counters, with all rows that were appended, here or elsewhere, until now."""
        with self._lock:
            while entries := self._read():
                self._count(entries)
            yield self._counters, self._queries

    def _read(self) -> list[Entry]:
        read = self._server.entries(self._counted, self._epoch)
        if read is None:  # the server lost its log, or the end of it
            self._counters, self._queries = Counters(self._gains), QueryCounters(self._gains)
            self._counted, self._epoch = 0, None
            return self._read()
        self._epoch, entries = read
        return entries

    def _count(self, entries: list[Entry]) -> None:
        told = [rows.told(row) for _, kind, row in entries if kind == rows.INTERACTION]
        pages = [rows.shown(row) for _, kind, row in entries if kind == rows.RANKING]
        self._counters.add_many((e.item, e.type, e.time_ms) for e in told)
        self._queries.add_many(
            (e.item, e.type, e.time_ms, e.query, e.user, e.session) for e in told
        )
        self._counters.show_many((page.items, page.time_ms) for page in pages)
        self._counted = entries[-1][0]
