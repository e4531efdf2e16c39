"""Item numbers against what was known at fit time, and the history as weighted items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.data.history import History

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_DAY_MS = 86_400_000
_MAX_HALF_LIVES = 40.0
"""Beyond, products of two weights would leave the range of float32 and become 0."""


def inside(items: NDArray[np.int32], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which item numbers are valid and known, bool (n,); `known` is bool (n_items,)."""
    valid = (items >= 0) & (items < len(known))
    if len(known):
        valid &= known.take(items, mode="clip")
    return valid


def looked_up(values: NDArray[np.float32], items: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the value of each item, float32 (n,), NaN for numbers without one.

    `values` is float32 (n_items,).
    """
    valid = (items >= 0) & (items < len(values))
    found = np.full(len(items), np.nan, dtype=np.float32)
    found[valid] = values[items[valid]]
    return found


def profile(
    history: History, known: NDArray[np.bool_], decay: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the known items of a history and their weights, int32 (h,) and float32 (h,).

    The weight is that of the interaction times ``decay ** a``, where ``a`` counts the known
    interactions after it; interactions without weight are left out.
    """
    usable = inside(history.items, known) & (history.weight > 0)
    items = history.items[usable]
    age = np.arange(len(items) - 1, -1, -1, dtype=np.float32)
    return items, history.weight[usable] * np.float32(decay) ** age


def sums_at(
    wanted: NDArray[np.int32],
    items: NDArray[np.int32],
    mass: NDArray[np.float32],
    n_items: int,
) -> NDArray[np.float64]:
    """Return the sum of the masses that lie on each wanted item, float64 (n,).

    Parameters
    ----------
    wanted
        int32 (n,), valid item numbers; repeated ones get the same sum.
    items, mass
        int32 (m,) and float32 (m,), what is summed.
    """
    # A place for each wanted item: sums are as short as the candidates. Zeroed memory that is never
    # touched costs nothing; to search sorted candidates is ten times slower.
    place = np.zeros(n_items, dtype=np.int32)
    place[wanted] = np.arange(1, len(wanted) + 1)
    sums = np.bincount(place.take(items), weights=mass, minlength=len(wanted) + 1)
    return sums.take(place.take(wanted)).astype(np.float64, copy=False)


def among(wanted: NDArray[np.int32], items: NDArray[np.int32], n_items: int) -> NDArray[np.intp]:
    """Return where the wanted stand among many items of which most are others, ascending.

    All are valid item numbers, int32; one that is wanted twice is found as one that is wanted once.
    """
    is_wanted = np.zeros(n_items, dtype=np.bool_)
    is_wanted[wanted] = True
    return is_wanted.take(items).nonzero()[0]


def products(
    rows: NDArray[np.float32], items: NDArray[np.int32], vector: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the products of some items' rows with a vector, float32 (n,).

    Parameters
    ----------
    rows
        float32 (n_items, dim).
    items
        int32 (n,), valid item numbers.
    vector
        float32 (dim,).
    """
    # The product of all rows takes less time than a copy of a quarter of them.
    if 4 * len(items) > len(rows):
        return np.asarray((rows @ vector)[items])
    return np.asarray(rows.take(items, axis=0) @ vector)


def actor_items(
    events: Events,
    n_items: int,
    gains: Mapping[str, float],
    *,
    now_ms: int,
    half_life_days: float = 0.0,
) -> csr_matrix[np.float32]:
    """Return who did how much with what before now, float32 sparse (actors, n_items).

    Repetitions add up; an interaction counts half after the half-life, 0 counts all alike. Actors
    are numbered anew in the order of the log's numbers, those without any weight left out.
    """
    from scipy.sparse import coo_matrix

    past = events.before(now_ms)
    weights = past.weights(dict(gains))
    counted = weights > 0
    if half_life_days > 0:
        weights = weights * faded(past, now_ms, half_life_days)
    _, actor = np.unique(past.actor()[counted], return_inverse=True)
    n_actors = int(actor.max(initial=-1)) + 1
    cells = (actor.astype(np.int32), past.item[counted])
    return coo_matrix((weights[counted], cells), shape=(n_actors, n_items)).tocsr()


def faded(events: Events, now_ms: int, half_life_days: float) -> NDArray[np.float32]:
    """Return what is left of each interaction by its age, float32 (n,); never quite 0."""
    return fading(now_ms - events.time_ms, half_life_days).astype(np.float32)


def fading(age_ms: NDArray[np.int64], half_life_days: float) -> NDArray[np.float64]:
    """Return what is left at each age, float64 (n,); 1 for ages below 0, never quite 0."""
    half_lives = age_ms / (_DAY_MS * half_life_days)
    left: NDArray[np.float64] = np.exp2(-np.clip(half_lives, 0, _MAX_HALF_LIVES))
    return left
