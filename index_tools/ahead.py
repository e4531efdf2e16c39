"""Rows that say they are of the future: taken, they would keep every change out until then."""

from __future__ import annotations

import time

from search_rerank.data.item import Item
from search_rerank.engines.fields import unix_ms

MAX_AHEAD_MS = 24 * 60 * 60 * 1000
"""Clocks and time zones differ: an `updated_at` so little ahead of now is no mistake."""


def unix_now_ms() -> int:
    """Return the present as unix milliseconds."""
    return time.time_ns() // 1_000_000


def why_ahead(item: Item, now_ms: int) -> str | None:
    """Return why an item cannot be taken yet, None if it can.

    Parameters
    ----------
    item
        As it was read; one without `updated_at` is never ahead.
    now_ms
        The present, unix milliseconds.
    """
    if item.updated_at is None or unix_ms(item.updated_at) <= now_ms + MAX_AHEAD_MS:
        return None
    return (
        f"updated_at: expected a time up to now, found {item.updated_at.isoformat()}, "
        f"more than a day ahead: correct it, or leave it out"
    )
