"""Sums of a fit corrected by what is new: they fade alike, and what is new is added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.events import Events
from search_rerank.scorers.neighbours import Neighbours, largest, ranges
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
    similarity = scorer.similarity * np.float32(kept)
    lists = csr_matrix((similarity, scorer.neighbour, starts), shape=(items, items))
    cells = change.tocoo()
    other = cells.row != cells.col
    added = (cells.data[other], (cells.row[other], cells.col[other]))
    change = csr_matrix(added, shape=(items, items))
    touched = np.diff(change.indptr) > 0
    some = csr_matrix(lists[touched] + change[touched])
    some.data[some.data <= 0] = 0
    some.eliminate_zeros()
    some.sort_indices()
    best = largest(some, n)
    length = np.diff(starts)
    rows = np.repeat(np.arange(some.shape[0]), np.diff(some.indptr))[best]
    length[touched] = np.bincount(rows, minlength=some.shape[0])
    ends = np.concatenate([[0], np.cumsum(length)])
    neighbours, similarities = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32)
    of_old, of_new = (ranges(ends[:-1][rows], ends[1:][rows])[0] for rows in (~touched, touched))
    stay, _ = ranges(starts[:-1][~touched], starts[1:][~touched])
    neighbours[of_old], similarities[of_old] = scorer.neighbour[stay], similarity[stay]
    neighbours[of_new], similarities[of_new] = some.indices[best], some.data[best]
    return replace(scorer, known=known, starts=ends, neighbour=neighbours, similarity=similarities)
