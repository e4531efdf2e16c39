"""Logs whose propensities are known, made by a position-based model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events, Rankings
from search_rerank.data.ids import IdMap

EXAMINED = np.array([1.0, 0.7, 0.5, 0.4, 0.3])
DAY_MS = 86_400_000


def position_based(
    seed: int,
    n: int,
    moves: bool,
    queries: int = 20,
    items: int = 10,
    items_in_all: int = 40,
    certain: bool = False,
) -> Events:
    """Return n rankings of five of a query's items, and clicks by examined times attraction.

    Parameters
    ----------
    moves
        Whether the items of a query change places, mostly little, the better ones higher; or always
        stand where they stood first.
    certain
        Whether an item that is looked at is clicked always.
    """
    rng = np.random.default_rng(seed)
    worth = rng.uniform(0.05, 0.5, items_in_all)
    factor = rng.uniform(0.6, 1.4, queries)
    holds = np.array([rng.choice(items_in_all, items, replace=False) for _ in range(queries)])
    query = rng.integers(0, queries, n)
    taste = worth[holds] if moves else rng.random(holds.shape)
    value = taste[query] + (0.15 * rng.standard_normal((n, items)) if moves else 0)
    order = np.argsort(-value, axis=1)[:, : len(EXAMINED)]
    shown = holds[query[:, None], order]
    attraction = np.ones(shown.shape) if certain else worth[shown] * factor[query][:, None]
    clicked = rng.random(shown.shape) < EXAMINED * attraction
    return events_of(shown, query, clicked, shoppers=rng.integers(0, max(n // 5, 1), n))


def events_of(
    shown: NDArray[np.int64],
    query: NDArray[np.int64],
    clicked: NDArray[np.bool_],
    shoppers: NDArray[np.int64],
    gap_ms: int = 1000,
) -> Events:
    """Return rankings, a second apart, and their clicks as a log."""
    n, places = shown.shape
    users = IdMap(f"u{one}" for one in range(int(shoppers.max()) + 1))
    row, place = np.nonzero(clicked)
    none = np.full(len(row), -1, dtype=np.int32)
    time_ms = np.arange(n, dtype=np.int64) * gap_ms
    return Events(
        items=IdMap(f"i{one}" for one in range(int(shown.max()) + 1)),
        users=users,
        sessions=IdMap(),
        queries=IdMap(f"q{one}" for one in range(int(query.max()) + 1)),
        kinds=["click"],
        event_ids=np.array([f"e{one}" for one in range(len(row))], dtype=np.object_),
        time_ms=time_ms[row] + 1,
        user=shoppers[row].astype(np.int32),
        session=none,
        query=query[row].astype(np.int32),
        item=shown[row, place].astype(np.int32),
        kind=np.zeros(len(row), dtype=np.int8),
        ranking=row.astype(np.int32),
        rankings=Rankings(
            ids=np.array([f"r{one}" for one in range(n)], dtype=np.object_),
            time_ms=time_ms,
            user=shoppers.astype(np.int32),
            session=np.full(n, -1, dtype=np.int32),
            query=query.astype(np.int32),
            offsets=np.arange(n + 1, dtype=np.int64) * places,
            shown=shown.ravel().astype(np.int32),
        ),
    )


def in_pages(events: Events, first: int) -> Events:
    """Return a log in which each list is told as two pages, the second from a place on."""
    whole = events.rankings
    n, places = len(whole), int(whole.offsets[1])
    twice = np.repeat(np.arange(n), 2)
    sizes = np.tile([first, places - first], n)
    rankings = replace(
        whole,
        ids=np.array([f"{r:032x}{end}" for r in range(n) for end in ("", f".{first}")], object),
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        **{of: getattr(whole, of)[twice] for of in ("time_ms", "user", "session", "query")},
    )
    there = whole.shown.reshape(n, places)[events.ranking] == events.item[:, None]
    page = 2 * events.ranking + (there.argmax(axis=1) >= first)
    return replace(events, ranking=page.astype(np.int32), rankings=rankings)
