"""The click model of the demo shop: seen by place, clicked by taste; see docs/demo-shop.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.shop.catalogue import Products
from search_rerank.data.shop.old_engine import PAGE, trend
from search_rerank.data.shop.searches import Searches
from search_rerank.data.shop.shoppers import Shoppers

EXAMINATION = (1 / np.arange(1, PAGE + 1)) ** 0.5
"""Chance that the item at each place is looked at, float64 (PAGE,)."""
CLICK = (-2.8, 1.8)
"""Attraction of an item that is looked at: sigmoid(a + b x utility)."""
CART = (-2.2, 0.7)
"""Chance of a cart after a click, likewise."""
PURCHASE = (-0.3, 0.5)
"""Chance of a purchase after a cart, likewise."""
LATER_SHARE = 0.2
"""Share of the purchases by shoppers with an account made later, without search or ranking."""


def attraction(utility: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance of a click on an item that is looked at."""
    return sigmoid(CLICK, utility)


def sigmoid(line: tuple[float, float], utility: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-(a + b x utility)))."""
    return np.asarray(1 / (1 + np.exp(-(line[0] + line[1] * utility))))


@dataclass(frozen=True)
class Clicks:
    """c clicks and what followed; times are 0 where nothing did.

    Parameters
    ----------
    search, item
        int64 (c,), row of the search and number of the product.
    click_ms, cart_ms, purchase_ms
        int64 (c,).
    later
        bool (c,), whether the purchase was made outside the session.
    """

    search: NDArray[np.int64]
    item: NDArray[np.int64]
    click_ms: NDArray[np.int64]
    cart_ms: NDArray[np.int64]
    purchase_ms: NDArray[np.int64]
    later: NDArray[np.bool_]


def make_clicks(
    rng: np.random.Generator,
    products: Products,
    shoppers: Shoppers,
    searches: Searches,
    shown: NDArray[np.int64],
) -> Clicks:
    """Draw what the shoppers did with what they were shown."""
    who = searches.who[:, None]
    utility = shoppers.utility(who, products, shown)  # (r, PAGE)
    utility += trend(products, shown, searches.time_ms[:, None])
    chance = np.where(shown >= 0, EXAMINATION * attraction(utility), 0)
    search, place = np.nonzero(rng.random(chance.shape) < chance)
    n = len(search)
    item, worth = shown[search, place], utility[search, place]
    wait = 2_000 + 1_300 * place + rng.exponential(3_000, n)
    click_ms = searches.time_ms[search] + wait.astype(np.int64)
    cart = rng.random(n) < sigmoid(CART, worth)
    bought = cart & (rng.random(n) < sigmoid(PURCHASE, worth))
    bought &= _first_of_pair(searches.who[search], item, click_ms, bought)
    has_account = searches.who[search] < shoppers.accounts
    later = bought & has_account & (rng.random(n) < LATER_SHARE)
    cart_ms = click_ms + rng.integers(6_000, 30_000, n)
    soon, days = rng.integers(40_000, 240_000, n), rng.uniform(0.1, 3, n) * 86_400_000
    purchase_ms = cart_ms + np.where(later, days.astype(np.int64), soon)
    return Clicks(
        search=search,
        item=item,
        click_ms=click_ms,
        cart_ms=np.where(cart, cart_ms, 0),
        purchase_ms=np.where(bought, purchase_ms, 0),
        later=later,
    )


def _first_of_pair(
    who: NDArray[np.int64],
    item: NDArray[np.int64],
    time_ms: NDArray[np.int64],
    bought: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Keep one purchase of a product by a shopper, the first."""
    rows = np.flatnonzero(bought)
    rows = rows[np.argsort(time_ms[rows], kind="stable")]
    pair = who[rows] * (int(item.max(initial=0)) + 1) + item[rows]
    _, first = np.unique(pair, return_index=True)
    keep = np.zeros(len(who), dtype=bool)
    keep[rows[first]] = True
    return keep
