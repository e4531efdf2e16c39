"""Small worlds in which the right order of items is known."""

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Interaction
from search_rerank.data.events import Events
from search_rerank.data.item import parse_item

N_ITEMS = 20
UNSOLD = 18
"""Items from here on never had an event."""
NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000


def catalogue() -> Catalogue:
    """Even items look alike and odd items look alike; the last one has no vector or brand."""
    items = [
        parse_item(
            {"id": f"i{n}", "title": f"thing {n}"}
            | ({"brand": ("even", "odd")[n % 2]} if n < N_ITEMS - 1 else {})
        )
        for n in range(N_ITEMS)
    ]
    vectors = np.zeros((N_ITEMS, 3), dtype=np.float32)
    vectors[np.arange(N_ITEMS), np.arange(N_ITEMS) % 2] = 1.0
    vectors[:, 2] = 0.1
    vectors[-1] = 0.0
    return Catalogue.from_items(items, vectors / np.maximum(1e-9, _length(vectors)))


def _length(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors, axis=1, keepdims=True)


def click(user: str, item: int, time_ms: int, type_: str = "click") -> Interaction:
    return Interaction(
        event="interaction",
        id=f"{user}-{item}-{time_ms}",
        timestamp=time_ms,
        user=user,
        item=f"i{item}",
        type=type_,
    )


def log(rows: list[Interaction]) -> Events:
    return Events.from_events(rows, catalogue().ids)


def checkerboard() -> Events:
    """Even shoppers touch even items only, odd shoppers odd items only; each misses a few."""
    return log(
        [
            click(f"shopper-{user}", item, NOW_MS - DAY_MS + item)
            for user in range(12)
            for item in range(UNSOLD)
            if item % 2 == user % 2 and (item // 2 + user // 2) % 4
        ]
    )


def nothing() -> Events:
    return log([])
