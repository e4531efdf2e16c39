"""How like each candidate is to the others that the engine puts first: the cluster hypothesis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item_rows import BRAND, DEPARTMENT
from search_rerank.features.arrays import Columns
from search_rerank.features.moment import Moment
from search_rerank.scorers.numbers import sums_at

_NAMES = tuple(
    f"neighbourhood.{name}"
    for name in ("vector", "vector_of_all", "words", "brand", "category", "department")
)
_KEYS = slice(BRAND, DEPARTMENT + 1)  # brand, deepest category, department
_HALVED_BY = 10.0
"""So many places further down a candidate counts half as much."""


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the neighbourhood group: what the other candidates say of this one.

    The first of a good list are mostly what was meant, and what was meant is alike (van Rijsbergen,
    1979; as pseudo-relevance feedback Rocchio, 1971). `vector` is the cosine with the mean of the
    others, `words` that of the title's words by rarity, the first counting most; `vector_of_all`
    has all count alike. `brand`, `category` and `department` are the share of the others, the first
    counting most, that have the same. NaN for items that the catalogue does not hold, without a
    value, and where there are no others.
    """
    items, n, rows = moment.items, len(moment.items), catalogue.rows
    known = items >= 0
    rank = np.empty(n)
    rank[np.argsort(-moment.candidates.score, kind="stable")] = np.arange(n)
    weights = np.zeros((2, n), dtype=np.float32)  # the first counting most, and all alike
    np.copyto(weights, (0.5 ** (rank / _HALVED_BY), np.ones(n)), where=known, casting="same_kind")
    weight = weights[0]
    V = catalogue.vectors.take(items, axis=0)
    products = V @ (weights @ V).T  # (n, 2)
    keys = rows.keys.take(items, axis=0)[:, _KEYS]
    found = np.empty((len(_NAMES), n), dtype=np.float32)
    found[:2] = _cosines(products.T, catalogue.squares.take(items), weights)
    found[2:3] = _cosines(*_titles(moment, catalogue, weight), weight[None])
    found[3:] = _shares(keys, rows.none[_KEYS], weight)
    found[:, ~known] = np.nan
    return dict(zip(_NAMES, found, strict=True))


def _titles(
    moment: Moment, catalogue: Catalogue, weight: NDArray[np.float32]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what `_cosines` wants of titles as the rarity of their words, unit length or 0."""
    titles = catalogue.wording.titles
    row, word, value = titles.of(moment.items)
    total = sums_at(word, word, weight.take(row) * value, titles.words)
    products = np.bincount(row, value * total, minlength=len(weight))
    return products[None], titles.squares.take(moment.items)


def _cosines(
    products: NDArray[np.floating], squares: NDArray[np.floating], weights: NDArray[np.float32]
) -> NDArray[np.floating]:
    """Return each row's cosines with weighted sums of the other rows, NaN where either is 0.

    Parameters
    ----------
    products
        (k, n), each row's products with the weighted sums of all.
    squares
        (n,), each row's with itself: 1, or 0 for a row of zeros.
    weights
        (k, n).
    """
    own = weights * squares
    totals = np.array([[one @ of] for one, of in zip(weights, products, strict=True)])
    squared = totals - 2 * weights * products + weights**2 * squares
    squared[(squared <= 1e-6) | (squares <= 0)] = np.nan
    # A row's own part is none of the others'.
    cosines: NDArray[np.floating] = (products - own) / np.sqrt(squared)
    return cosines


def _shares(
    keys: NDArray[np.int64], none: NDArray[np.int64], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the shares of the others' weight that lie on a row's own keys, (k, n).

    Parameters
    ----------
    keys, none
        int64 (n, k), in numbers of each column's own, and (k,), for no key: NaN.
    """
    others = weight.sum() - weight
    others[others <= 0] = np.nan
    sums = np.bincount(keys.ravel(), weights=np.repeat(weight, len(none)))
    same = np.where(keys.T > none[:, None], sums[keys.T], np.nan).astype(np.float32)
    shares: NDArray[np.float32] = (same - weight) / others
    return shares
