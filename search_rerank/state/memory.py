"""State in this process only: what replay walks through, and a shop small enough to forget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.state.base import Forgotten, ItemCounts, Maintained, Past, Shown
from search_rerank.state.claims import Claims
from search_rerank.state.hashed import Hashed
from search_rerank.state.kept import E, Kept
from search_rerank.state.own import newest_once
from search_rerank.state.tally import Tally


class MemoryState:
    """The `State` contract over dictionaries; nothing survives the process.

    Parameters
    ----------
    gains
        Weight of each interaction type in the counters.
    """

    def __init__(self, gains: Mapping[str, float]) -> None:
        self._tally = Tally(gains)
        self._done: Kept[Interaction] = Kept()
        self._pages: Kept[Ranking] = Kept()
        self._claims = Claims()
        self._mark = 0
        self._hashed = Hashed()
        self._opted_out: set[bytes] = set()
        self._gone: dict[bytes, int] = {}
        """Hash of a forgotten user, or of a session they claimed, to the moment."""
        self._expired_ms = 0

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions, idempotent by event id; return how many were new."""
        new = self._add(self._done, events)
        self._tally.add((e.item, e.type, e.time_ms, e.query, e.user, e.session) for e in new)
        return len(new)

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown, idempotent by the ranking's id; return how many were new."""
        new = self._add(self._pages, rankings)
        self._tally.show((page.items, page.time_ms) for page in new)
        return len(new)

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first."""
        found = self._done.newest(user, session, n)
        return [Past(event.item, event.type, event.time_ms, event.session) for event in found]

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first."""
        found = self._pages.newest(user, session, n)
        return [Shown(page.items, page.time_ms, page.session) for page in found]

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        return self._tally.item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        return self._tally.query_counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        return self._tally.similar_counts(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        return self._tally.past_queries(prefix, n)

    def own_queries(self, user: str | None, session: str | None, n: int) -> Sequence[str]:
        """Return the queries that a shopper's newest n interactions name, the newest first."""
        return newest_once([event.query for event in self._done.newest(user, session, n)])

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        counted = ((user, len(rows)) for user, rows in self._done.by_user.items())
        return sorted(counted, key=lambda pair: (-pair[1], pair[0]))[:n]

    def export(self, user: str) -> Iterator[Event]:
        """Yield everything stored of a user, as it was told, in time order."""
        rows: list[tuple[int, int, Event]] = [*self._done.of(user), *self._pages.of(user)]
        for _, _, event in sorted(rows, key=lambda row: row[:2]):
            yield event

    def forget(self, user: str, now_ms: int) -> Forgotten:
        """Remove everything of a user; what is told of them up to the moment is not stored."""
        done, pages = self._done.forget(user), self._pages.forget(user)
        self._tally.take_back(
            ((e.item, e.type, e.time_ms, e.query, e.user, e.session) for e in done),
            ((page.items, page.time_ms) for page in pages),
        )
        self._gone[self._hashed("user", user)] = now_ms
        for session in self._claims.sessions(user):
            self._gone[self._hashed("session", session)] = now_ms
        self._claims.forget(user)
        return Forgotten(len(done), len(pages), 0, True)

    def set_opted_out(self, user: str, opted_out: bool) -> None:
        """Store nothing of a user from now on, or do so again; what is stored stays."""
        change = self._opted_out.add if opted_out else self._opted_out.discard
        change(self._hashed("user", user))

    def opted_out(self, user: str) -> bool:
        """Return whether a user opted out."""
        return bool(self._opted_out) and self._hashed("user", user) in self._opted_out

    def expire(self, before_ms: int) -> int:
        """Take interactions and pages before a time out of the histories; return how many."""
        self._expired_ms = max(self._expired_ms, before_ms)
        return self._done.expire(before_ms) + self._pages.expire(before_ms)

    def maintain(self, now_ms: int) -> Maintained:
        """Nothing is ever due."""
        return Maintained()

    def check_writable(self) -> None:
        """Memory takes whatever there is."""

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first."""
        return self._mark

    def __len__(self) -> int:
        """Return how many interactions the histories hold."""
        return len(self._done.ids)

    def close(self) -> None:
        """Nothing is held."""

    def _add(self, kept: Kept[E], events: Sequence[E]) -> list[E]:
        """Keep the new ones of one kind, and let those that name user and session claim."""
        new: dict[str, E] = {}
        for event in events:
            if event.id not in kept.ids:
                new.setdefault(event.id, event)
        stored = [event for event in new.values() if self._is_stored(event)]
        claims = ((e.time_ms, e.session, e.user) for e in stored if e.user and e.session)
        for time_ms, session, user in sorted(claims):
            if self._claims.claim(session, time_ms, user):
                self._done.claim(session, time_ms, user)
                self._pages.claim(session, time_ms, user)
        for event in stored:
            self._mark += 1
            owner = event.user or self._claims.owner(event.session, event.time_ms)
            kept.add(self._mark, event, owner)
        return stored

    def _is_stored(self, event: Event) -> bool:
        if event.time_ms < self._expired_ms:
            return False
        if event.user is not None and self.opted_out(event.user):
            return False
        if not self._gone:
            return True
        who = self._hashed("user", event.user) if event.user else None
        visit = self._hashed("session", event.session) if event.session else None
        # Of a visit only what its forgotten user claimed, or would claim, is not stored.
        until = self._gone.get(who or visit or b"", -1)
        return event.time_ms > until
