"""What happened so far, as seen by features: histories and counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Interaction

HALF_LIVES_DAYS = (1.0, 7.0, 30.0, 180.0)
"""Half-lives of the decayed counters, in days."""
QUERY_HALF_LIVES_DAYS = (7.0, 30.0, 180.0)
"""Half-lives of the decayed counters of (query, item) pairs, in days."""


@dataclass(frozen=True)
class Past:
    """One interaction of a shopper's past."""

    item: str
    type: str
    time_ms: int
    session: str | None


@dataclass(frozen=True)
class ItemCounts:
    """Counters of items at a moment.

    Parameters
    ----------
    decayed
        float32 (n, len(HALF_LIVES_DAYS)), sum over interactions of gain * 2 ** -(age / half-life).
    first_ms, last_ms
        int64 (n,), time of the first and the last interaction, -1 where there was none.
    """

    decayed: NDArray[np.float32]
    first_ms: NDArray[np.int64]
    last_ms: NDArray[np.int64]


class State(Protocol):
    """Histories and counters over all interactions appended so far.

    What `append` returned for is part of every later answer, from whichever process asks.
    """

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions, idempotent by event id; return how many were new.

        The order of appending need not be the order of time.
        """

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first.

        With a user: theirs, and those of the session not yet under any user. Without: the
        session's. With neither: none.
        """

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return the decayed gains of interactions that named this query.

        float32 (n, len(QUERY_HALF_LIVES_DAYS)), as `ItemCounts.decayed` but of this query only.
        Queries are the same when they are equal after case folding and collapsing of spaces.
        """

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses).

        Only those that at least two shoppers asked, in their normal form; ties by text. A query is
        used by each interaction that names it. Of very many different ones the least used go.
        """

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count)."""

    def close(self) -> None:
        """Release files and connections."""
