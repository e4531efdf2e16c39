"""A start near the goal: the singular vectors of who had what."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.neural.histories import Histories

Floats = NDArray[np.float32]
_SCALES = tuple(2.0**power for power in range(-5, 8))
_LEAST = 1e-5
_ACTORS = 200
"""So many, spread evenly, choose the scale."""


def spectral(histories: Histories, n_items: int, dim: int, seed: int) -> tuple[Floats, Floats]:
    """Return vectors of a history's items and of items to be found, both float32 (n_items, dim).

    Products of a pooled history, of unit length, and an item rank as the ideal low-pass filter
    does (Shen et al., 2021), at the scale at which a softmax of them finds parts of histories best.
    Both are as long in the mean, so that one learning rate does for both. Columns past the rank are
    0, as are items without events.
    """
    from scipy.sparse import csr_matrix
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    count = np.maximum(np.bincount(histories.item, minlength=n_items), 1).astype(np.float32)
    length = np.maximum(histories.lengths(), 1).astype(np.float32)
    scaled = (length[histories.actor()] * count[histories.item]) ** -0.5
    had = csr_matrix(
        (scaled, histories.item, histories.starts), shape=(len(histories), n_items)
    )  # (actors, n_items)
    rank = min(dim, len(histories), n_items)
    with threadpool_limits(1, "blas"):  # sums in one order: the same bytes
        _, values, vectors = randomized_svd(had, rank, n_iter=4, random_state=seed)
    V = np.zeros((n_items, dim), dtype=np.float32)
    V[:, :rank] = vectors.T * (values > _LEAST * values[0])  # of what is 0 any vector is one
    root: Floats = np.sqrt(count)[:, None]
    pooled, found = V / root, V * root
    found *= _scale(histories, pooled, found)
    pooled *= np.linalg.norm(found, axis=1).sum() / np.linalg.norm(pooled, axis=1).sum()
    return pooled, found


def _scale(histories: Histories, pooled: Floats, found: Floats) -> np.float32:
    """Return by what products are multiplied so that every second item is found from the others."""
    able = np.flatnonzero(histories.lengths() > 1)
    some = (
        able[np.unique(np.linspace(0, len(able) - 1, _ACTORS).astype(np.int64))]
        if len(able)
        else able
    )
    rows = []
    for actor in some:
        items = histories.item[histories.starts[actor] : histories.starts[actor + 1]]
        shopper = pooled[items[::2]].sum(axis=0)
        products = found @ (shopper / max(float(np.linalg.norm(shopper)), _LEAST))  # (n_items,)
        asked = products[items[1::2]].mean()
        products[items[::2]] = -np.inf
        largest = products.max()
        if np.isfinite(largest):  # nothing is left to tell from where all items were given
            rows.append((products - largest, asked - largest))

    def cross_entropy(scale: float) -> float:
        return sum(float(np.log(np.exp(scale * row).sum()) - scale * own) for row, own in rows)

    return np.float32(min(_SCALES, key=cross_entropy))
