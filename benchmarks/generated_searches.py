"""Searches of the generated shop as arrays, with the true chance of a click on every item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.shop import DAYS, END_MS
from search_rerank.data.shop.catalogue import DAY_MS, Products, make_products
from search_rerank.data.shop.clicks import attraction
from search_rerank.data.shop.old_engine import PAGE, show, trend
from search_rerank.data.shop.searches import Searches, make_searches
from search_rerank.data.shop.shoppers import Shoppers, make_shoppers

START_MS = END_MS - DAYS * DAY_MS


@dataclass(frozen=True)
class Pages:
    """The items that each of the most common queries finds, the same for everyone.

    Parameters
    ----------
    stock
        The catalogue.
    words
        int64 (q,), the queries (`Searches.words`), sorted.
    items
        int64 (q, PAGE), numbers of products, -1 past the last.
    """

    stock: Products
    words: NDArray[np.int64]
    items: NDArray[np.int64]

    @property
    def there(self) -> NDArray[np.bool_]:
        """Which places of a page hold an item, bool (q, PAGE)."""
        return self.items >= 0

    @property
    def popularity(self) -> NDArray[np.float64]:
        """What the shop's old engine goes by, float64 (q, PAGE), -inf where no item is."""
        return np.where(self.there, self.stock.popularity[self.items], -np.inf)


@dataclass(frozen=True)
class Visits:
    """r searches by shoppers drawn anew.

    Parameters
    ----------
    query, shopper, session
        int64 (r,); the query is a row of the pages.
    utility
        float64 (r, PAGE), worth of the items of the query's page to the shopper, then; -inf where
        no item is.
    """

    query: NDArray[np.int64]
    shopper: NDArray[np.int64]
    session: NDArray[np.int64]
    utility: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.query)

    @property
    def attraction(self) -> NDArray[np.float64]:
        """Chance of a click on each item that is looked at, float64 (r, PAGE); 0 where none is."""
        return attraction(self.utility)


def make_pages(seed: int, products: int = 3000, queries: int = 1000) -> Pages:
    """Draw a catalogue, and the pages of the most common queries with two items or more."""
    rng = np.random.default_rng(seed)
    stock = make_products(rng, products, START_MS, END_MS)
    searches = _searches(rng, stock, make_shoppers(rng, 4000, START_MS, END_MS), 30_000)
    words, first, counts = np.unique(searches.words(), return_index=True, return_counts=True)
    most = np.sort(np.argsort(-counts, kind="stable")[:queries])
    shown = show(rng, stock, _rows(searches, first[most]))
    kept = (shown >= 0).sum(axis=1) >= 2
    return Pages(stock, words[most][kept], shown[kept])


def visit(rng: np.random.Generator, pages: Pages, shoppers: int, sessions: int) -> Visits:
    """Draw shoppers and their searches; those for other queries than the pages' are left out."""
    people = make_shoppers(rng, shoppers, START_MS, END_MS)
    searches = _searches(rng, pages.stock, people, sessions)
    words = searches.words()
    query = np.minimum(np.searchsorted(pages.words, words), len(pages.words) - 1)
    rows = np.flatnonzero(pages.words[query] == words)
    query, searches = query[rows], _rows(searches, rows)
    items = pages.items[query]
    utility = people.utility(searches.who[:, None], pages.stock, items)
    utility += trend(pages.stock, items, searches.time_ms[:, None])
    return Visits(query, searches.who, searches.session, np.where(items >= 0, utility, -np.inf))


def click(
    rng: np.random.Generator, visits: Visits, place: NDArray[np.int64], looks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw the clicks on lists, 0 or 1, float64 (r, PAGE) by item.

    Parameters
    ----------
    place
        int64 (r, PAGE), where each item of the page is shown.
    looks
        float64 (PAGE,), examination.
    """
    return (rng.random(place.shape) < looks[place] * visits.attraction).astype(np.float64)


def _searches(
    rng: np.random.Generator, stock: Products, people: Shoppers, sessions: int
) -> Searches:
    return make_searches(rng, people, stock, sessions, START_MS, END_MS)


def _rows(searches: Searches, rows: NDArray[np.integer]) -> Searches:
    return Searches(**{name: column[rows] for name, column in vars(searches).items()})


__all__ = ["PAGE", "Pages", "Visits", "click", "make_pages", "visit"]
