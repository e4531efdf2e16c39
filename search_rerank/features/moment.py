"""All that features may know of one query: read once from the state, at its moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.history import History
from search_rerank.data.ids import UNKNOWN
from search_rerank.query import Candidates, Query
from search_rerank.state.base import ItemCounts, Past, State

PAGES = 20
"""Newest lists of a shopper that are looked through for what they left."""
PLACES = 50
"""Places of such a list that count as looked at."""


@dataclass(frozen=True)
class Moment:
    """One query with its candidates and what the state held when it was asked.

    Parameters
    ----------
    query, candidates
        The request, with the text that was searched, and what the engine returned.
    items
        int32 (n,), the candidates' numbers in the catalogue, -1 for one it does not hold.
    history
        The shopper's, empty where nothing is known.
    counts
        Counters of the candidates.
    query_counts
        float32 (n, len(QUERY_HALF_LIVES_DAYS)), counters of the candidates with this query.
    similar_counts
        float32 (n, len(SHARPNESS), len(QUERY_HALF_LIVES_DAYS)), counters of the candidates with
        queries like this one.
    left
        int32 (m,), the items of the catalogue that the shopper was shown lately and did not take,
        once for each list that showed them; none where no words of attributes are chosen, which
        alone read it.
    """

    query: Query
    candidates: Candidates
    items: NDArray[np.int32]
    history: History
    counts: ItemCounts
    query_counts: NDArray[np.float32]
    similar_counts: NDArray[np.float32]
    left: NDArray[np.int32]


def read_moment(
    query: Query,
    candidates: Candidates,
    catalogue: Catalogue,
    state: State,
    gains: Mapping[str, float],
    n: int,
    personalise: bool = True,
) -> Moment:
    """Read the shopper's newest n interactions and the candidates' counters from the state."""
    if candidates.searched is not None:  # what others took after the words as they should be
        query = replace(query, text=candidates.searched)
    history = (
        read_history(query, catalogue, state, gains, n)
        if personalise
        else History.empty(query.now_ms)
    )
    return Moment(
        query=query,
        candidates=candidates,
        items=catalogue.ids.numbers(candidates.ids),
        history=history,
        counts=state.item_counts(candidates.ids, query.now_ms),
        query_counts=state.query_counts(query.text, candidates.ids, query.now_ms),
        similar_counts=state.similar_counts(query.text, candidates.ids, query.now_ms),
        left=(
            read_left(query, catalogue, state, history, n)
            if personalise and catalogue.properties.with_words
            else np.zeros(0, dtype=np.int32)
        ),
    )


def read_history(
    query: Query, catalogue: Catalogue, state: State, gains: Mapping[str, float], n: int
) -> History:
    """Return the shopper's newest n interactions with items of the catalogue, oldest first."""
    return numbered(state.history(query.user, query.session, n), query, catalogue, gains)


def read_left(
    query: Query, catalogue: Catalogue, state: State, history: History, n: int
) -> NDArray[np.int32]:
    """Return the items of the newest lists that the shopper was shown and did not take, int32 (m,).

    Parameters
    ----------
    history
        The newest n interactions: what was shown before the first of n may have been taken, too,
        and is left out.
    """
    pages = state.shown(query.user, query.session, PAGES)
    if len(history) >= n > 0:
        pages = [page for page in pages if page.time_ms >= history.time_ms[0]]
    shown = catalogue.ids.numbers(chain.from_iterable(page.items[:PLACES] for page in pages))
    taken = {UNKNOWN, *history.items.tolist()}
    return np.array([item for item in shown.tolist() if item not in taken], dtype=np.int32)


def numbered(
    pasts: Sequence[Past], query: Query, catalogue: Catalogue, gains: Mapping[str, float]
) -> History:
    """Return what a shopper did as a history; items that the catalogue does not hold are left out.

    Parameters
    ----------
    pasts
        Oldest first.
    query
        Whose session and moment count.
    """
    if not pasts:
        return History.empty(query.now_ms)
    items, types, times, sessions = zip(*pasts, strict=True)
    numbers, session = catalogue.ids.numbers(items), query.session
    history = History(
        items=numbers,
        time_ms=np.array(times, dtype=np.int64),
        weight=np.array([gains.get(type_, 0.0) for type_ in types], dtype=np.float32),
        in_session=np.array(
            [session is not None and of == session for of in sessions], dtype=np.bool_
        ),
        now_ms=query.now_ms,
    )
    known = numbers >= 0
    return history if known.all() else history.where(known)
