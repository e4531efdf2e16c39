"""Counters of one process that follow the log on the server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

import orjson

from search_rerank.data.event import Told
from search_rerank.state.counters import Counters
from search_rerank.state.queries import QueryCounters, Row
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

    _counted: int
    _takings: int
    _epoch: bytes | None

    def __init__(self, server: Server, gains: Mapping[str, float]) -> None:
        self._server = server
        self._gains = gains
        self._lock = RLock()
        self._begin()

    @contextmanager
    def counters(self) -> Iterator[tuple[Counters, QueryCounters]]:
        """Lend the counters, with all rows that were appended, here or elsewhere, until now."""
        with self._lock:
            while self._follow():
                pass
            yield self._counters, self._queries

    def _follow(self) -> bool:
        """Count some of what is new; return whether there may be more."""
        news = self._server.news(self._counted, self._takings)
        missed = news.takings - self._takings - len(news.taken)
        if self._counted and (
            news.epoch != self._epoch or news.seq < self._counted or missed > 0
        ):  # another log, one without the end of what was counted, or a row taken out long ago
            self._begin()
            return True
        # What was taken out is not among the entries, however far they reach.
        for _, kind, rows_ in news.taken:
            self._take_back(
                kind, [row for number, row in orjson.loads(rows_) if number <= self._counted]
            )
        self._epoch, self._takings = news.epoch, news.takings
        self._count(news.entries)
        return bool(news.entries)

    def _begin(self) -> None:
        self._counters = Counters(self._gains)
        self._queries = QueryCounters(self._gains)
        self._counted, self._takings = 0, 0
        self._epoch = None

    def _count(self, entries: Sequence[Entry]) -> None:
        told = [rows.told(row) for _, kind, row in entries if kind == rows.INTERACTION]
        pages = [rows.shown(row) for _, kind, row in entries if kind == rows.RANKING]
        self._counters.add_many((e.item, e.type, e.time_ms) for e in told)
        self._queries.add_many(map(_asked, told))
        self._counters.show_many((page.items, page.time_ms) for page in pages)
        if entries:
            self._counted = entries[-1][0]

    def _take_back(self, kind: rows.Kind, taken: Sequence[list[Any]]) -> None:
        if kind == rows.RANKING:
            self._counters.take_back_shown((items, time) for *_, items, time in taken)
            return
        told = [Told._make(row) for row in taken]
        self._counters.take_back((e.item, e.type, e.time_ms) for e in told)
        self._queries.take_back(map(_asked, told))


def _asked(told: Told) -> Row:
    return told.item, told.type, told.time_ms, told.query, told.user, told.session
