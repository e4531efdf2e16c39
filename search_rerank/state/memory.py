"""State in this process only: what replay walks through, and a shop small enough to forget."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Interaction, Ranking
from search_rerank.state.base import ItemCounts, Past, Shown
from search_rerank.state.counters import Counters
from search_rerank.state.queries import QueryCounters

Kept = TypeVar("Kept", bound=Past | Shown)


class MemoryState:
    """The `State` contract over dictionaries; nothing survives the process.

    Parameters
    ----------
    gains
        Weight of each interaction type in the counters.
    """

    def __init__(self, gains: Mapping[str, float]) -> None:
        self._counters = Counters(gains)
        self._queries = QueryCounters(gains)
        self._seen: set[str] = set()
        self._by_user: dict[str, list[Past]] = {}
        self._by_visit: dict[str, list[Past]] = {}
        """Session to its interactions that are under no user."""
        self._seen_pages: set[str] = set()
        self._user_pages: dict[str, list[Shown]] = {}
        self._visit_pages: dict[str, list[Shown]] = {}
        """Session to what it was shown under no user."""

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions, idempotent by event id; return how many were new."""
        new = []
        for event in events:
            if event.id in self._seen:
                continue
            self._seen.add(event.id)
            new.append(event)
            past = Past(event.item, event.type, event.time_ms, event.session)
            if event.user is not None:
                insort(self._by_user.setdefault(event.user, []), past, key=_time)
            elif event.session is not None:
                insort(self._by_visit.setdefault(event.session, []), past, key=_time)
        self._counters.add_many((e.item, e.type, e.time_ms) for e in new)
        self._queries.add_many((e.item, e.type, e.time_ms, e.query, e.user, e.session) for e in new)
        return len(new)

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown, idempotent by the ranking's id; return how many were new."""
        new = []
        for page in rankings:
            if page.id in self._seen_pages:
                continue
            self._seen_pages.add(page.id)
            new.append(page)
            shown = Shown(page.items, page.time_ms, page.session)
            if page.user is not None:
                insort(self._user_pages.setdefault(page.user, []), shown, key=_time)
            elif page.session is not None:
                insort(self._visit_pages.setdefault(page.session, []), shown, key=_time)
        self._counters.show_many((page.items, page.time_ms) for page in new)
        return len(new)

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first."""
        return _newest(self._by_user, self._by_visit, user, session, n)

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first."""
        return _newest(self._user_pages, self._visit_pages, user, session, n)

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""
        return self._counters.item_counts(items, now_ms)

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, half-lives), decayed gains of interactions that named this query."""
        return self._queries.counts(query, items, now_ms)

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return float32 (n, sharpness, half-lives), gains of interactions with queries like it."""
        return self._queries.similar(query, items, now_ms)

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses)."""
        return self._queries.starting_with(prefix, n)

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""
        counted = ((user, len(past)) for user, past in self._by_user.items())
        return sorted(counted, key=lambda pair: (-pair[1], pair[0]))[:n]

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first."""
        return len(self._seen) + len(self._seen_pages)

    def __len__(self) -> int:
        """Return how many interactions are stored."""
        return len(self._seen)

    def close(self) -> None:
        """Nothing is held."""


def _newest(
    by_user: Mapping[str, list[Kept]],
    by_visit: Mapping[str, list[Kept]],
    user: str | None,
    session: str | None,
    n: int,
) -> Sequence[Kept]:
    own: list[Kept] = by_user.get(user, []) if user is not None else []
    visit: list[Kept] = by_visit.get(session, []) if session is not None else []
    own = own[max(len(own) - n, 0) :]
    if not visit:
        return own
    past = sorted([*own, *visit[max(len(visit) - n, 0) :]], key=_time)
    return past[max(len(past) - n, 0) :]


def _time(kept: Past | Shown) -> int:
    return kept.time_ms
