"""What happened so far, as seen by features: histories and counters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.event import Event, Interaction, Ranking

HALF_LIVES_DAYS = (1.0, 7.0, 30.0, 180.0)
"""Half-lives of the decayed counters, in days."""
QUERY_HALF_LIVES_DAYS = (1.0, 7.0, 30.0, 180.0)
"""Half-lives of the decayed counters of (query, item) pairs, in days."""

SHARPNESS = (8.0, 3.0)
"""Powers of the similarity of two queries by which a past one has a say: few that are near, or
many that are farther."""


class Past(NamedTuple):
    """One interaction of a shopper's past."""

    item: str
    type: str
    time_ms: int
    session: str | None


class Shown(NamedTuple):
    """One list that a shopper was shown, best place first."""

    items: Sequence[str]
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
    shown
        float32 (n, len(HALF_LIVES_DAYS)), sum over the rankings that showed the item of
        2 ** -(age / half-life).
    """

    decayed: NDArray[np.float32]
    first_ms: NDArray[np.int64]
    last_ms: NDArray[np.int64]
    shown: NDArray[np.float32]


@dataclass(frozen=True)
class Forgotten:
    """The receipt of a user who was removed.

    Parameters
    ----------
    interactions, rankings
        How many were removed, those of visits that the user had claimed among them.
    segments
        Files of the log that were written anew without them.
    complete
        False where another process still reads an older moment: the next `maintain` after it has
        ended removes what that reader saw.
    """

    interactions: int
    rankings: int
    segments: int
    complete: bool


@dataclass(frozen=True)
class Maintained:
    """What one call of `State.maintain` did.

    Parameters
    ----------
    sealed
        Segments of the log that were written.
    expired
        Interactions and pages that left the histories.
    dropped
        Segments that were older than the log is kept.
    more
        Whether there is more to do at once.
    """

    sealed: int = 0
    expired: int = 0
    dropped: int = 0
    more: bool = False


class State(Protocol):
    """Histories and counters over all interactions appended, and all that was shown, so far.

    What `append` or `show` returned for is durable, and part of every later answer, from whichever
    process asks. Errors are `StateError`, and leave nothing half stored.

    An interaction or a ranking that names both a user and a session claims what that session did
    and was shown under no user up to its own time: that is the user's from then on, in histories,
    `shown`, `export` and `forget`. What is claimed once stays claimed. What the session does later
    under no user belongs to the session again, until the next claim. The order of appending need
    not be the order of time: what comes late is claimed by the first claim after its own time,
    which is remembered for two days at least. The log keeps everything as it was told, so that a
    replay claims the same.

    Not stored, and not new, are rows of users who opted out, of forgotten ones up to the moment
    that they were forgotten at, and rows older than what `expire` was last told.
    """

    def append(self, events: Sequence[Interaction]) -> int:
        """Store interactions, idempotent by event id; return how many were new.

        Of two with one id, in one call or in several, the first one stands. The order of appending
        need not be the order of time.
        """

    def show(self, rankings: Sequence[Ranking]) -> int:
        """Store what was shown, idempotent by the ranking's id; return how many were new.

        The order need not be the order of time.
        """

    def history(self, user: str | None, session: str | None, n: int) -> Sequence[Past]:
        """Return the newest n interactions of a user or a session, oldest first.

        With a user: theirs, and those of the session that are no user's. Without: those of the
        session that are no user's. With neither: none.
        """

    def shown(self, user: str | None, session: str | None, n: int) -> Sequence[Shown]:
        """Return the newest n lists that a user or a session was shown, oldest first.

        Whose they are is told as for `history`.
        """

    def item_counts(self, items: Sequence[str], now_ms: int) -> ItemCounts:
        """Return the counters of items, in the order asked."""

    def query_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return the decayed gains of interactions that named this query.

        float32 (n, len(QUERY_HALF_LIVES_DAYS)), as `ItemCounts.decayed` but of this query only.
        Queries are the same when they are equal after case folding and collapsing of spaces.
        """

    def similar_counts(self, query: str, items: Sequence[str], now_ms: int) -> NDArray[np.float32]:
        """Return the decayed gains of interactions that named a query like this one.

        float32 (n, len(SHARPNESS), len(QUERY_HALF_LIVES_DAYS)): those of each query, the same one
        too, times its similarity (0 to 1, by the letters of its words) to each power of SHARPNESS.
        Only so many count as can be looked at while a shopper waits, the most similar.
        """

    def past_queries(self, prefix: str, n: int) -> Sequence[tuple[str, int]]:
        """Return the n most used queries that begin with a text, as (query, uses).

        Only those that at least two shoppers asked, in their normal form; ties by text. A query is
        used by each interaction that names it. Of very many different ones the least used go.
        """

    def own_queries(self, user: str | None, session: str | None, n: int) -> Sequence[str]:
        """Return the queries that a shopper's newest n interactions name, the newest first.

        Each once in its normal form, and none without a word. Whose they are is told as for
        `history`.
        """

    def shoppers(self, n: int) -> Sequence[tuple[str, int]]:
        """Return the n users with the most interactions, as (user, count); ties by user."""

    def export(self, user: str) -> Iterator[Event]:
        """Yield everything stored of a user, as it was told, in time order.

        Interactions and rankings, those of visits that the user claimed and what only the log
        still holds among them.
        """

    def forget(self, user: str, now_ms: int) -> Forgotten:
        """Remove everything of a user: histories, claimed visits, counters, log.

        Counters follow in every process, but for the times of an item's first and last interaction.
        What is told later of the user up to `now_ms`, and of the visits they claimed, is not
        stored, so that no copy of the log brings them back; the user's name is not kept for that,
        only a keyed hash. Events after `now_ms` begin anew.
        """

    def set_opted_out(self, user: str, opted_out: bool) -> None:
        """Store nothing of a user from now on, or do so again; what is stored stays."""

    def opted_out(self, user: str) -> bool:
        """Return whether a user opted out."""

    def expire(self, before_ms: int) -> int:
        """Take interactions and pages before a time out of the histories; return how many.

        Counters keep them, faded as they are, and the log keeps them as long as it is kept. What is
        older is not stored from then on, for nobody could tell whether it was stored before.
        """

    def maintain(self, now_ms: int) -> Maintained:
        """Do some of what is due, for about a second: seal the log, expire, drop old segments.

        Called now and then from where nobody waits; one process does it at a time, for the others
        there is nothing to do.
        """

    def check_writable(self) -> None:
        """Raise `StateError` where an event could not be stored now.

        It is tried, with something that nobody reads and that goes again; called every few seconds
        at most, from where nobody waits.
        """

    def mark(self) -> int:
        """Return the number of the newest interaction or page, 0 before the first.

        Numbers rise in the order of appending, both in one row: what was known at a moment is what
        has a number up to the mark of that moment, see `Log.appended`.
        """

    def __len__(self) -> int:
        """Return how many interactions the histories hold."""

    def close(self) -> None:
        """Release files and connections."""
