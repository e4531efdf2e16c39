"""The search engine that the demo shop had while the log was written: words and popularity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.shop.catalogue import DAY_MS, Products
from search_rerank.data.shop.searches import SCOPE_KINDS, SCOPES, Searches

PAGE = 24
"""Places of one page of results."""
NOISE = 0.6
"""Standard deviation of what is added to the popularity, drawn anew for each search."""
SWAP = 0.5
"""Chance that two neighbouring places change their items."""
TREND_DAYS = 160
"""Length of the slow wave in a product's demand."""
_WORD_IN_TITLE = 0.5
_CELLS = 2_000_000


def trend(
    products: Products, items: NDArray[np.int64], time_ms: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how far demand of products is above its mean at a time (shapes broadcast)."""
    turn = time_ms / (TREND_DAYS * DAY_MS) + products.phase[items]
    return np.asarray(products.trend[items] * np.sin(2 * np.pi * turn))


def show(rng: np.random.Generator, products: Products, searches: Searches) -> NDArray[np.int64]:
    """Return the items that each search showed, int64 (r, PAGE), -1 past the end.

    The order is text match plus popularity with its trend and noise; then neighbours are swapped
    at random, so that places vary for reasons that are nobody's taste.
    """
    shown = np.full((len(searches), PAGE), -1, dtype=np.int64)
    _, start, key = np.unique(searches.words(), return_index=True, return_inverse=True)
    order = np.argsort(key, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(key))[:-1]):
        items, text = _matching(products, searches, int(start[key[rows[0]]]))
        if not len(items):
            continue
        step = max(_CELLS // len(items), 1)
        for begin in range(0, len(rows), step):
            part = rows[begin : begin + step]
            shown[part] = _page(rng, products, items, text, searches.time_ms[part])
    return _swapped(rng, shown)


def _matching(
    products: Products, searches: Searches, row: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the items that match all words of one search, and how well."""
    scope, brand = searches.scope[row], searches.brand[row]
    colour, audience = searches.colour[row], searches.audience[row]
    keep = SCOPE_KINDS[scope][products.kind]
    if brand >= 0:
        keep = keep & (products.brand == brand)
    if colour >= 0:
        keep = keep & (products.colour == colour)
    if audience > 0:
        keep = keep & (products.audience == audience)
    items = np.flatnonzero(keep)
    word = SCOPES[scope].lower()
    titles = (products.items[n].title.lower() for n in items.tolist())
    text = np.array([_WORD_IN_TITLE * (word in title) for title in titles])
    return items, text


def _page(
    rng: np.random.Generator,
    products: Products,
    items: NDArray[np.int64],
    text: NDArray[np.float64],
    time_ms: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the first PAGE items at each time, int64 (times, PAGE)."""
    score = text + products.popularity[items] + trend(products, items, time_ms[:, None])
    score = score + NOISE * rng.standard_normal(score.shape)
    score[products.first_ms[items] > time_ms[:, None]] = -np.inf
    if len(items) > PAGE:
        top = np.argpartition(-score, PAGE - 1, axis=1)[:, :PAGE]
    else:
        top = np.broadcast_to(np.arange(len(items)), score.shape)
    value = np.take_along_axis(score, top, axis=1)
    order = np.argsort(-value, axis=1, kind="stable")
    best = np.take_along_axis(top, order, axis=1)
    there = np.isfinite(np.take_along_axis(value, order, axis=1))
    page = np.full((len(time_ms), PAGE), -1, dtype=np.int64)
    page[:, : best.shape[1]] = np.where(there, items[best], -1)
    return page


def _swapped(rng: np.random.Generator, shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Swap neighbours at random: places (1, 2), (3, 4), … or (2, 3), (4, 5), … of a page."""
    swapped = shown.copy()
    offset = rng.integers(0, 2, len(shown))
    for place in range(PAGE - 1):
        turn = (offset == place % 2) & (rng.random(len(shown)) < SWAP) & (shown[:, place + 1] >= 0)
        swapped[turn, place] = shown[turn, place + 1]
        swapped[turn, place + 1] = shown[turn, place]
    return swapped
