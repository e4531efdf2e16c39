"""Sums of a fit corrected by what is new: they fade alike, and what is new is added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.scorers.neighbours import Neighbours, largest
from search_rerank.scorers.news import News
from search_rerank.scorers.numbers import faded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_DAY_MS = 86_400_000
N = TypeVar("N", bound=Neighbours)
T = TypeVar("T", bound=np.generic)


def left(news: News, half_life_days: float) -> float:
    """Return what is left at the update of a weight that was 1 at the fit; all with no half-life.

    A half-life fades all weights of a fit by one factor, so that their sums fade by it, too.
    """
    if half_life_days <= 0:
        return 1.0
    return float(2.0 ** -((news.now_ms - news.since_ms) / (_DAY_MS * half_life_days)))


def grown(column: NDArray[T], n: int) -> NDArray[T]:
    """Return an array of n rows, those of new items 0."""
    return np.concatenate([column, np.zeros((n - len(column), *column.shape[1:]), column.dtype)])


def strength(
    events: Events, gains: Mapping[str, float], now_ms: int, half_life_days: float
) -> NDArray[np.float64]:
    """Return what is left of each interaction, float64 (n,), as a fit would count it."""
    weight = events.weights(dict(gains)).astype(np.float64)
    return weight if half_life_days <= 0 else weight * faded(events, now_ms, half_life_days)


def item_sums(
    before: NDArray[np.float64], news: News, gains: Mapping[str, float], half_life_days: float
) -> NDArray[np.float64]:
    """Return the decayed sum of each item's interactions, float64 (n_items,), from that at the fit.

    Exact but for the rounding of `before`.
    """
    n, latest = len(news.catalogue), news.latest()
    weight = strength(latest, gains, news.now_ms, half_life_days)
    added = np.bincount(latest.item, weights=weight, minlength=n)
    return grown(before, n) * left(news, half_life_days) + added


def product_change(
    news: News, gains: Mapping[str, float], half_life_days: float
) -> csr_matrix[np.float64]:
    """Return by how much the product of the items' columns changes, (n_items, n_items).

    Beyond fading, for which `left` squared stands: with R what the actors had and D what is new to
    it, ``(R + D)'(R + D) - R'R = D'(R + D) + R'D``, whose size is that of what is new.
    """
    from scipy.sparse import csr_matrix

    events = news.events
    weight = strength(events, gains, news.now_ms, half_life_days)
    _, actor = np.unique(events.actor(), return_inverse=True)
    shape = (int(actor.max(initial=-1)) + 1, len(news.catalogue))
    had, new = (
        csr_matrix((weight[rows], (actor[rows], events.item[rows])), shape=shape)
        for rows in (~news.new & (weight > 0), news.new & (weight > 0))
    )
    return csr_matrix(new.T @ (had + new) + had.T @ new)


def corrected(scorer: N, change: Any, kept: float, known: NDArray[np.bool_], n: int) -> N:
    """Return a scorer whose lists of neighbours faded, and were corrected by a change.

    What a list had no room for at the fit counts as nothing, so that a neighbour that enters it
    lacks what was cut off: less than the least that was kept.

    Parameters
    ----------
    change
        Sparse (n_items, n_items), what to add; the diagonal is left out.
    kept
        What is left of the similarities of the fit.
    known
        bool (n_items,), as it is now.
    n
        Neighbours kept of each item.
    """
    from scipy.sparse import csr_matrix

    items = len(known)
    starts = np.append(scorer.starts, np.full(items + 1 - len(scorer.starts), scorer.starts[-1]))
    faded_lists = (scorer.similarity * np.float32(kept), scorer.neighbour, starts)
    lists = csr_matrix(faded_lists, shape=(items, items))
    cells = change.tocoo()
    other = cells.row != cells.col
    change = csr_matrix(
        (cells.data[other], (cells.row[other], cells.col[other])), shape=(items, items)
    )
    touched = np.diff(change.indptr) > 0
    some = csr_matrix(lists[touched] + change[touched])
    some.data[some.data <= 0] = 0
    some.eliminate_zeros()
    some.sort_indices()
    best = largest(some, n)
    row = np.repeat(np.flatnonzero(touched), np.diff(some.indptr))[best]
    stay = ~np.repeat(touched, np.diff(starts))
    old = np.repeat(np.arange(items), np.diff(starts))[stay]
    # Both parts are in order, and no row is in both.
    order = np.argsort(np.concatenate([old, row]), kind="stable")
    neighbour = np.concatenate([lists.indices[stay], some.indices[best]])[order]
    similarity = np.concatenate([lists.data[stay], some.data[best]])[order]
    rows = np.concatenate([old, row])[order]
    return replace(
        scorer,
        known=known,
        starts=np.searchsorted(rows, np.arange(items + 1)).astype(np.int64),
        neighbour=neighbour.astype(np.int32),
        similarity=similarity.astype(np.float32),
    )
