"""How different the items of a list are from each other: by their vectors, by their categories."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CELLS = 4_000_000
"""Cells of pairs compared at a time, so that memory does not grow with the number of lists."""


def diversity(lists: NDArray[np.integer], vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return 1 minus the mean cosine of the pairs of a list (Smyth and McClave, 2001).

    0 where all items are alike, 1 where they have nothing in common, more (to 2, for a pair) where
    they are opposed. Items without a vector are left out; a list that has not two others has NaN.

    Parameters
    ----------
    lists
        int (q, k), item numbers, -1 for none.
    vectors
        (n, d), unit rows, a row of zeros where an item has none.

    Returns
    -------
    float64 (q,)
    """
    from scipy.sparse import csr_array

    squares = (vectors.astype(np.float64) ** 2).sum(axis=1)
    there = (lists >= 0) & (np.append(squares, 0.0)[lists] > 0)  # -1 is the last
    n = there.sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(n)])
    items = lists[there]
    shown = csr_array((np.ones(len(items)), items, offsets), shape=(len(lists), len(vectors)))
    # The square of a sum of vectors holds the cosine of every pair twice, and each square once.
    sums = shown @ vectors
    both = (sums**2).sum(axis=1) - shown @ squares
    return np.where(n > 1, 1.0 - both / np.maximum(n * (n - 1), 1), np.nan)


def category_diversity(
    lists: NDArray[np.integer], category: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the mean distance of the pairs of a list in the category tree, 0 to 1.

    Two items are as similar as ``2 c / (a + b)`` for paths of a and b levels of which they share
    the first c (Wu and Palmer, 1994). Items without a category are left out; a list that has not
    two others has NaN.

    Parameters
    ----------
    lists
        int (q, k), item numbers, -1 for none.
    category
        int (n, depth), the levels of each item's path, -1 past its end; a level is known by its
        whole path, as in `search_rerank.data.catalogue.Catalogue`.

    Returns
    -------
    float64 (q,)
    """
    paths = np.concatenate([category, np.full((1, category.shape[1]), -1)])  # -1: no path
    levels = (paths >= 0).sum(axis=1)
    k, found = lists.shape[1], np.full(len(lists), np.nan)
    one, other = np.triu_indices(k, 1)
    step = max(_CELLS // max(len(one), 1), 1)
    for start in range(0, len(lists), step):
        block = slice(start, start + step)
        a, b = lists[block][:, one], lists[block][:, other]  # (block, pairs)
        both = (levels[a] > 0) & (levels[b] > 0)
        shared = np.zeros(a.shape)
        for level in range(category.shape[1]):
            same = paths[:, level][a]
            shared += (same == paths[:, level][b]) & (same >= 0)
        near = np.where(both, 2 * shared / np.maximum(levels[a] + levels[b], 1), 0.0)
        pairs = both.sum(axis=1)
        found[block] = np.where(pairs > 0, 1.0 - near.sum(axis=1) / np.maximum(pairs, 1), np.nan)
    return found
