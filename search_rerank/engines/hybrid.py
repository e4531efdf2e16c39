"""How word hits and vector hits become one order, the same on every engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.engines.words import EXACT
from search_rerank.query import Candidates

Floats = NDArray[np.float64]
MAX_K = 10_000
"""More candidates than this are never returned."""


def depth(k: int) -> int:
    """Return how many hits each of the two searches gives for k candidates."""
    return max(1, min(k, MAX_K))


def without_mark(
    ids: Sequence[str], boosted: Floats, boost: Floats, text: str
) -> tuple[Floats, str | None]:
    """Return the boosted word scores without the mark of an exact id, and that id if there is one.

    Parameters
    ----------
    ids
        The hits, n of them.
    boosted
        float (n,), scores as the engine gave them.
    boost
        float (n,), what they were multiplied by.
    text
        The query.
    """
    if text not in ids:
        return boosted, None
    row = ids.index(text)
    plain = boosted.copy()
    plain[row] = max(plain[row] - EXACT * boost[row], 0.0)
    return np.where(plain < 1e-3, 0.0, plain), text


def combine(
    ids: Sequence[str],
    boosted: Floats,
    boost: Floats,
    cosine: Floats,
    weights: RetrievalConfig,
    *,
    top: float,
    k: int,
    exact: str | None = None,
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
        The item whose id is the query text: it comes first.
    """
    words = boosted / top if top > 0 else np.zeros(len(ids))
    near = np.clip(np.nan_to_num(cosine, nan=0.0), 0.0, None)
    score = weights.words_weight * words + weights.vector_weight * near
    if exact is not None and exact in ids:
        score[ids.index(exact)] = weights.words_weight + weights.vector_weight + 1.0
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
