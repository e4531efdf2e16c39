"""What the log held before the test: how often a text was asked, how long a history was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.data.ids import UNKNOWN
from search_rerank.occasions import Occasion
from search_rerank.state.queries import normalise_query


def searches_per_text(events: Events, cut_ms: int) -> NDArray[np.int64]:
    """Return how often each text was searched for before a time, int64 (t,); unnormalised ones 0.

    A ranking with a query is a search; a log without such rankings tells its searches by the
    interactions that name a query. Texts that differ in case and spaces alone are one.
    """
    numbers = _numbers(events)
    return np.bincount(numbers[_searches(events, cut_ms)], minlength=len(numbers))


def query_frequency(
    occasions: Sequence[Occasion], events: Events, cut_ms: int
) -> NDArray[np.int64]:
    """Return how often each query's text was searched for before a time, int64 (q,)."""
    numbers, known = _numbers(events), {}
    for text, number in zip(events.queries.ids(), numbers.tolist(), strict=True):
        known[normalise_query(text)] = number
    counts = np.append(searches_per_text(events, cut_ms), 0)  # -1, for a text not known, is last
    asked = [known.get(normalise_query(one.query.text), UNKNOWN) for one in occasions]
    return counts[np.array(asked, dtype=np.int64)]


def item_demand(
    query_items: Mapping[str, Sequence[str]], events: Events, cut_ms: int
) -> dict[str, int]:
    """Return how many interactions before a time were with items that belong to each text.

    It stands in for searches where a protocol says what belongs to a query and the log has none.
    """
    counts = np.bincount(events.item[events.time_ms < cut_ms], minlength=len(events.items))
    counts = np.append(counts, 0)  # -1, for an item not known, is last
    return {
        text: int(counts[events.items.numbers(items)].sum()) for text, items in query_items.items()
    }


def history_lengths(
    occasions: Sequence[Occasion], events: Events, cut_ms: int, live: bool = False
) -> NDArray[np.int64]:
    """Return how many interactions each query's shopper had before it, int64 (q,).

    A shopper is the user, or the session of a visitor.

    Parameters
    ----------
    live
        Whether interactions strictly before the query count; otherwise those before the cut.
    """
    actor = events.actor().astype(np.int64)
    who = np.array([_actor(one, events) for one in occasions], dtype=np.int64)
    until = np.array([one.query.now_ms if live else cut_ms for one in occasions], dtype=np.int64)
    order = np.argsort(actor, kind="stable")  # by actor, each one's events in time order
    # Times as their rank, so that actor and time are one number without overflow.
    times = np.searchsorted(events.time_ms, events.time_ms, side="left")
    keys = actor[order] * (len(events) + 1) + times[order]
    start = who * (len(events) + 1)
    end = start + np.searchsorted(events.time_ms, until, side="left")
    # A shopper not known, -1, lies before all keys.
    return np.searchsorted(keys, end, side="left") - np.searchsorted(keys, start, side="left")


def _actor(occasion: Occasion, events: Events) -> int:
    query = occasion.query
    if query.user is not None:
        return events.users.number(query.user)
    session = UNKNOWN if query.session is None else events.sessions.number(query.session)
    return UNKNOWN if session == UNKNOWN else len(events.users) + session


def _numbers(events: Events) -> NDArray[np.int64]:
    """Return for each text the number of the first text that is the same, int64 (t,)."""
    first: dict[str, int] = {}
    texts = events.queries.ids()
    return np.array(
        [first.setdefault(normalise_query(text), n) for n, text in enumerate(texts)],
        dtype=np.int64,
    )


def _searches(events: Events, cut_ms: int) -> NDArray[np.int32]:
    """Return the text of each search before a time, as its number."""
    shown = events.rankings.query[events.rankings.time_ms < cut_ms]
    if not (events.rankings.query >= 0).any():
        shown = events.query[events.time_ms < cut_ms]
    return shown[shown >= 0]
