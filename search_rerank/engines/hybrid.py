"""How word hits and vector hits become one order, the same on every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.query import Candidates

Floats = NDArray[np.float64]
MAX_K = 10_000
"""More candidates than this are never returned."""
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
    total: int = 0,
    facets: Mapping[str, Sequence[tuple[str, int]]] | None = None,
    degraded: Sequence[tuple[str, str]] = (),
) -> Candidates:
    """Order the union of both lists by words_weight * boosted / top + vector_weight * cosine.

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
    """
    words = boosted / top if top > 0 else np.zeros(len(ids))
    near = np.clip(np.nan_to_num(cosine, nan=0.0), 0.0, None)
    score = weights.words_weight * words + weights.vector_weight * near
    for row in [row for row, id_ in enumerate(ids) if id_ in exact]:
        score[row] += weights.words_weight + weights.vector_weight + 1.0
    rounded = score.astype(np.float32)  # what is returned as equal is ordered as equal
    order = np.lexsort((np.array(ids, dtype=np.str_), -rounded))[: depth(k)]
    return Candidates(
        [ids[row] for row in order.tolist()],
        (boosted / boost)[order].astype(np.float32),
        cosine[order].astype(np.float32),
        rounded[order],
        total,
        facets or {},
        tuple(degraded),
    )


def empty(
    total: int = 0,
    facets: Mapping[str, Sequence[tuple[str, int]]] | None = None,
    degraded: Sequence[tuple[str, str]] = (),
) -> Candidates:
    """Return no candidates."""
    none = np.zeros(0, dtype=np.float32)
    return Candidates([], none, none, none, total, facets or {}, tuple(degraded))


def browse(
    ids: Sequence[str],
    boost: Floats,
    weights: RetrievalConfig,
    highest: float,
    *,
    total: int = 0,
    facets: Mapping[str, Sequence[tuple[str, int]]] | None = None,
) -> Candidates:
    """Order items without any words by boost, then id; `highest` is the best boost of all."""
    nan = np.full(len(ids), np.nan)
    found = combine(
        ids, boost, boost, nan, weights, top=highest, k=len(ids), total=total, facets=facets
    )
    return Candidates(
        found.ids,
        np.zeros(len(ids), dtype=np.float32),
        found.vector,
        found.score,
        total,
        found.facets,
    )
