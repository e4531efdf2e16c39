"""Counters of one process that follow the log on the server."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

import orjson

from search_rerank.state.redis import rows
from search_rerank.state.redis.server import Entry, News, Server
from search_rerank.state.snapshot import load, save, take
from search_rerank.state.tally import Tally

logger = logging.getLogger(__name__)
_SNAPSHOT_ROWS = 100_000
"""After so many rows a snapshot is worth its writing."""


class Following:
    """Counters that have seen the log up to a number.

    Parameters
    ----------
    server
        Whose log is followed.
    gains
        Weight of each interaction type in the counters.
    snapshot
        File from which a process that starts goes on, None for none.
    """

    def __init__(self, server: Server, gains: Mapping[str, float], snapshot: Path | None) -> None:
        self._server = server
        self._gains = gains
        self._snapshot = snapshot
        self._lock = RLock()
        self._tally: Tally | None = None
        self._epoch = self._counted = self._takings = self._saved = 0

    @contextmanager
    def tally(self) -> Iterator[Tally]:
        """Lend the counters, with all rows that were appended, here or elsewhere, until now."""
        with self._lock:
            tally = self._tally or self._loaded()
            while self._follow(tally):
                tally = self._tally or self._begun()
            yield tally

    def keep(self) -> None:
        """Write a snapshot if there is much that the last one lacks."""
        with self._lock:
            behind = self._counted - self._saved
            if self._snapshot is None or self._tally is None or behind < _SNAPSHOT_ROWS:
                return
            marks = {"epoch": self._epoch, "takings": self._takings, "counted": self._counted}
            taken = take(self._tally, marks)
            self._saved = self._counted
        try:
            self._snapshot.parent.mkdir(parents=True, exist_ok=True)
            save(self._snapshot, taken)
        except OSError as error:  # it would only save time
            logger.warning("snapshot of counters %s cannot be written: %s", self._snapshot, error)

    def _loaded(self) -> Tally:
        """Return the counters of the snapshot, or new ones."""
        found = None if self._snapshot is None else load(self._snapshot, self._gains)
        if found is None:
            return self._begun()
        self._tally, marks = found
        self._epoch, self._takings = marks["epoch"], marks["takings"]
        self._counted = self._saved = marks["counted"]
        return self._tally

    def _begun(self) -> Tally:
        """Return new counters."""
        self._tally = Tally(self._gains, self._server.hashes())
        self._epoch = self._counted = self._takings = self._saved = 0
        return self._tally

    def _follow(self, tally: Tally) -> bool:
        """Count some of what is new; return whether there may be more."""
        news = self._server.news(self._counted, self._takings)
        if self._counted and not self._goes_on(news):
            self._drop_snapshot()
            self._tally = None
            return True
        # What was taken out is not among the entries, however far they reach.
        for _, kind, taken in news.taken:
            self._take_back(tally, kind, taken)
        if news.taken:
            self._drop_snapshot()
        self._epoch, self._takings = news.epoch, news.takings
        if news.entries:
            _count(tally, news.entries)
            self._counted = news.entries[-1][0]
        return bool(news.entries)

    def _drop_snapshot(self) -> None:
        """Remove what may hold queries of a shopper who is forgotten."""
        self._saved = 0
        if self._snapshot is None:
            return
        try:
            self._snapshot.unlink(missing_ok=True)
        except OSError as error:  # the counters go on; whoever reads the log may mend it
            logger.error("snapshot of counters %s must go and cannot: %s", self._snapshot, error)

    def _goes_on(self, news: News) -> bool:
        """Tell whether the log is the one that was counted, with all that was, and all takings."""
        missed = news.takings - self._takings - len(news.taken)
        return news.epoch == self._epoch and news.seq >= self._counted and not missed

    def _take_back(self, tally: Tally, kind: rows.Kind, taken: bytes) -> None:
        counted = [row for number, *row in orjson.loads(taken) if number <= self._counted]
        if kind == rows.RANKING:
            tally.take_back((), [(items, time_ms) for items, time_ms in counted])
        else:
            tally.take_back([tuple(row) for row in counted])


def _count(tally: Tally, entries: Sequence[Entry]) -> None:
    told = [rows.told(row) for _, kind, row in entries if kind == rows.INTERACTION]
    pages = [rows.shown(row) for _, kind, row in entries if kind == rows.RANKING]
    if told:
        tally.add((e.item, e.type, e.time_ms, e.query, e.user, e.session) for e in told)
    if pages:
        tally.show((page.items, page.time_ms) for page in pages)
