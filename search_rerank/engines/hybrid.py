"""How word hits and vector hits become one order, the same on every engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.query import Candidates

Floats = NDArray[np.float64]
MAX_K = 10_000
"""More candidates than this are never returned."""
_RANK_CONSTANT = 60
MAX_EXACT = 10
"""So many items at most come first because the query is their code or title."""


def depth(k: int) -> int:
    """Return how many hits each of the two searches gives for k candidates."""
    return max(1, min(k, MAX_K))


def combine(
    ids: Sequence[str],
    boosted: Floats,
    boost: Floats,
    cosine: Floats,
    weights: RetrievalConfig,
    *,
    top: float,
    k: int,
    exact: Sequence[str] = (),
    groups: Sequence[object] | None = None,
) -> Candidates:
    """Order the union of both lists by words_weight * boosted / top + vector_weight * cosine.

    With `fusion = "ranks"` each list gives its weight over 60 + the rank in the union instead
    (reciprocal rank fusion; Cormack et al., 2009), and nothing where an item is in none.

    Parameters
    ----------
    ids
        The items of the union, n of them.
    boosted
        float (n,), word score times boost, 0 where no word matches.
    boost
        float (n,), what the word scores were multiplied by.
    cosine
        float (n,), NaN where there is none; counts from 0 up.
    weights
        The two weights.
    top
        The best boosted word score of all items, 0 where no word matches any.
    k
        How many to keep; ties break by id.
    exact
        The items whose code or whole title the query is: they come first.
    groups
        Of which product each is a variant, to keep the best of each only; None keeps all.
    """
    if weights.fusion == "ranks":
        words = _reciprocal(np.where(boosted > 0, boosted, np.nan), ids)
        near = _reciprocal(cosine, ids)
        score = weights.words_weight * words + weights.vector_weight * near
    else:
        score = _added(boosted, cosine, weights, top)
    if exact:
        for row in [row for row, id_ in enumerate(ids) if id_ in exact]:
            score[row] += weights.words_weight + weights.vector_weight + 1.0
    rounded = score.astype(np.float32)  # what is returned as equal is ordered as equal
    order = falling(rounded, ids)
    if groups is not None:
        order = first_of_each(order, groups)
    order = order[: depth(k)]
    return Candidates(
        [ids[row] for row in order.tolist()],
        (boosted / boost)[order].astype(np.float32),
        cosine[order].astype(np.float32),
        rounded[order],
    )


def entering(
    boosted: Floats,
    cosine: Floats,
    later: Floats,
    weights: RetrievalConfig,
    *,
    top: float,
    k: int,
) -> Floats:
    """Return the boosted word scores that later items need to be among the best k.

    Parameters
    ----------
    boosted, cosine, weights, top, k
        Of items that are there, as in `combine`.
    later
        float (m,), the cosines of the later ones.

    Returns
    -------
    least
        float (m,), 0 where nothing can be said.
    """
    if weights.fusion == "ranks" or len(boosted) < k or not weights.words_weight or top <= 0:
        return np.zeros(len(later))
    rounding = 1e-6 * (weights.words_weight + weights.vector_weight)
    last = np.partition(_added(boosted, cosine, weights, top), -k)[-k] - rounding
    lacking = last - weights.vector_weight * _near(later)
    least: Floats = np.fmax(lacking * (top / weights.words_weight), 0.0)
    return least


def in_order(ids: Sequence[str], lexical: Floats) -> Candidates:
    """Return items that were sorted by fields: the score is the place counted from the end."""
    n = len(ids)
    return Candidates(
        list(ids),
        lexical.astype(np.float32),
        np.full(n, np.nan, dtype=np.float32),
        np.arange(n, 0, -1, dtype=np.float32),
    )


def falling(scores: NDArray[np.floating], ids: Sequence[str]) -> NDArray[np.intp]:
    """Return rows by falling score, ties by id."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    if (ordered[1:] == ordered[:-1]).any():
        return np.lexsort((np.array(ids, dtype=np.str_), -scores))
    return order


def first_of_each(order: NDArray[np.intp], groups: Sequence[object]) -> NDArray[np.intp]:
    """Return the rows of an order that are the first of their group."""
    seen: set[object] = set()
    first = []
    for row in order.tolist():
        if groups[row] not in seen:
            seen.add(groups[row])
            first.append(row)
    return np.array(first, dtype=np.intp)


def _added(boosted: Floats, cosine: Floats, weights: RetrievalConfig, top: float) -> Floats:
    words = boosted / top if top > 0 else np.zeros(len(boosted))
    return weights.words_weight * words + weights.vector_weight * _near(cosine)


def _near(cosine: Floats) -> Floats:
    near: Floats = np.fmax(cosine, 0.0)  # also of NaN, which has none
    return near


def _reciprocal(scores: Floats, ids: Sequence[str]) -> Floats:
    """Return 1 / (60 + rank) of each, the best has rank 1, ties by id; 0 for NaN."""
    has = ~np.isnan(scores)
    order = falling(scores[has], [ids[row] for row in np.flatnonzero(has).tolist()])
    share = np.zeros(len(order))
    share[order] = 1 / (_RANK_CONSTANT + np.arange(1, len(order) + 1))
    found = np.zeros(len(scores))
    found[has] = share
    return found


def empty() -> Candidates:
    """Return no candidates."""
    none = np.zeros(0, dtype=np.float32)
    return Candidates([], none, none, none)


def browse(
    ids: Sequence[str], boost: Floats, weights: RetrievalConfig, highest: float
) -> Candidates:
    """Return items without any words; they come by falling boost, then id.

    `highest` is the best boost of all.
    """
    n = len(ids)
    score = (weights.words_weight * boost / highest).astype(np.float32)
    none = np.full(n, np.nan, dtype=np.float32)
    return Candidates(ids, np.zeros(n, dtype=np.float32), none, score)


def counted(found: Candidates, total: int, weights: RetrievalConfig, **known: Any) -> Candidates:
    """Return candidates with their total, cut at the bound, and what else is known of them."""
    bound = weights.total_up_to
    return replace(found, total=min(total, bound), total_exact=total <= bound, **known)
