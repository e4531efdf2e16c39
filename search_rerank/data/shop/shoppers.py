"""The demo shop's shoppers: what they like, what they come for, how often and since when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.shop.brands import BRANDS
from search_rerank.data.shop.catalogue import STYLES, Products
from search_rerank.data.shop.vocabulary import AUDIENCES, COLOURS, DEPARTMENTS, TYPES

LATE_SHARE = 0.15
"""Share of the shoppers who first come while the log runs."""
PAIRS_SHARE = 0.05
"""Share of the shoppers who are one half of a pair with opposite tastes."""
OPPOSITES_DEPARTMENT = "Shoes"
"""What the first pair, the truth's example, mostly buys."""
PRICE_WEIGHT = 2.0
"""What is lost in utility from the cheapest to the dearest for one who wants the cheapest."""
_DEPARTMENT_OF = np.array([DEPARTMENTS.index(kind.path[0]) for kind in TYPES])


@dataclass(frozen=True)
class Shoppers:
    """Tastes of u people: the shoppers with an account first, then kinds of visitors without.

    Parameters
    ----------
    accounts
        How many have an account.
    brand, colour, style, audience
        float64 (u, brands), (u, colours), (u, styles), (u, audiences): what each adds to utility;
        mostly 0.
    level
        float64 (u,), the price level wanted, from 0 to 1.
    needs
        float64 (u, types), how often each product type is what they come for; rows sum to 1.
    activity
        float64 (u,), relative number of sessions, heavy-tailed.
    first_ms
        int64 (u,), when they may first come.
    """

    accounts: int
    brand: NDArray[np.float64]
    colour: NDArray[np.float64]
    style: NDArray[np.float64]
    audience: NDArray[np.float64]
    level: NDArray[np.float64]
    needs: NDArray[np.float64]
    activity: NDArray[np.float64]
    first_ms: NDArray[np.int64]

    def utility(
        self, who: NDArray[np.integer], products: Products, items: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Return what each shopper gets of products: quality, taste and fit of the price.

        Parameters
        ----------
        who
            Rows of shoppers, any shape that broadcasts with `items`.
        items
            Numbers of products.
        """
        taste = (
            self.brand[who, products.brand[items]]
            + self.colour[who, products.colour[items]]
            + self.style[who, products.style[items]]
            + self.audience[who, products.audience[items]]
        )
        fit = -PRICE_WEIGHT * np.abs(products.level[items] - self.level[who])
        utility: NDArray[np.float64] = 0.7 * products.quality[items] + taste + fit
        return utility


def make_shoppers(rng: np.random.Generator, n: int, start_ms: int, end_ms: int) -> Shoppers:
    """Draw n shoppers with an account and a tenth as many kinds of visitors."""
    total = n + max(n // 10, 1)
    departments = _departments(rng, total)
    audience = np.zeros((total, len(AUDIENCES)))
    side = rng.choice([1, 2], size=total, p=[0.55, 0.45])
    audience[np.arange(total), side] = 0.5
    audience[np.arange(total), 3 - side] = -1.5
    activity = np.clip(rng.lognormal(0, 1.0, total), 0.2, 12)
    late = rng.random(total) < LATE_SHARE
    late[: min(2, total)] = False
    arrival = start_ms + rng.uniform(0.1, 0.9, total) * (end_ms - start_ms)
    shoppers = Shoppers(
        accounts=n,
        brand=_brands(rng, departments),
        colour=_liked(rng, total, len(COLOURS), likes=2, dislikes=2) * 0.8,
        style=_liked(rng, total, STYLES, likes=1, dislikes=1) * 1.3,
        audience=audience,
        level=rng.beta(1.2, 1.2, total),
        needs=_needs(rng, departments),
        activity=activity * np.where(late, 1 - (arrival - start_ms) / (end_ms - start_ms), 1),
        first_ms=np.where(late, arrival, start_ms).astype(np.int64),
    )
    _oppose(rng, shoppers, int(n * PAIRS_SHARE / 2))
    return shoppers


def _departments(rng: np.random.Generator, total: int) -> NDArray[np.float64]:
    """Return how much each wants of each department: one to three favourites, little else."""
    d = len(DEPARTMENTS)
    weight = 1 / np.arange(1, d + 1) ** 0.5
    order = np.argsort(-(np.log(weight) + rng.gumbel(size=(total, d))), axis=1)
    place = np.argsort(order, axis=1)
    favourites = rng.integers(1, 4, total)[:, None]
    share = np.where(place < favourites, 1.0 / (1 + place), 0.0)
    share = 0.93 * share / share.sum(axis=1, keepdims=True) + 0.07 / d
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def _needs(rng: np.random.Generator, departments: NDArray[np.float64]) -> NDArray[np.float64]:
    popularity = np.empty(len(TYPES))
    for department in range(len(DEPARTMENTS)):
        rows = np.flatnonzero(_DEPARTMENT_OF == department)
        zipf = 1 / np.arange(1, len(rows) + 1) ** 0.9
        popularity[rows] = zipf / zipf.sum()
    own = rng.lognormal(0, 0.8, (len(departments), len(TYPES)))
    needs = departments[:, _DEPARTMENT_OF] * popularity * own
    return np.asarray(needs / needs.sum(axis=1, keepdims=True))


def _liked(
    rng: np.random.Generator, rows: int, columns: int, likes: int, dislikes: int
) -> NDArray[np.float64]:
    """Return +1 for the liked and -1 for the disliked columns of each row, 0 elsewhere."""
    place = np.argsort(rng.random((rows, columns)), axis=1)
    return np.where(place < likes, 1.0, np.where(place >= columns - dislikes, -1.0, 0.0))


def _brands(rng: np.random.Generator, departments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Like two and dislike two brands of each department that is more than an afterthought."""
    taste = np.zeros((len(departments), len(BRANDS)))
    for number, name in enumerate(DEPARTMENTS):
        sold = np.flatnonzero([name in brand.departments for brand in BRANDS])
        liked = _liked(rng, len(departments), len(sold), likes=2, dislikes=2)
        liked *= rng.uniform(1.2, 2.2, liked.shape)
        caring = departments[:, number] > 0.1
        # A brand of two departments keeps the stronger feeling of the two.
        old = taste[:, sold]
        new = np.where(np.abs(liked) > np.abs(old), liked, old)
        taste[:, sold] = np.where(caring[:, None], new, old)
    return taste


def _oppose(rng: np.random.Generator, shoppers: Shoppers, pairs: int) -> None:
    """Make the first rows pairs of opposites: the second of a pair mirrors the first."""
    if shoppers.accounts < 2:
        return
    _make_example(rng, shoppers)
    first = np.arange(max(pairs, 1)) * 2
    second = first + 1
    for taste in (shoppers.brand, shoppers.colour, shoppers.style):
        taste[second] = -taste[first]
    shoppers.level[second] = 1 - shoppers.level[first]
    # Both are women, or men, so that it is taste and not the shelf that parts them.
    shoppers.audience[second] = shoppers.audience[first]
    shoppers.needs[second] = shoppers.needs[first]


def _make_example(rng: np.random.Generator, shoppers: Shoppers) -> None:
    """Make the first shopper a frequent buyer of shoes with an opinion on every brand of them."""
    sold = np.flatnonzero([OPPOSITES_DEPARTMENT in brand.departments for brand in BRANDS])
    sides = rng.permutation(np.where(np.arange(len(sold)) % 2 == 0, 1.8, -1.8))
    shoppers.brand[0] = 0
    shoppers.brand[0, sold] = sides
    shoppers.level[0] = 0.85
    wanted = _DEPARTMENT_OF == DEPARTMENTS.index(OPPOSITES_DEPARTMENT)
    needs = shoppers.needs[0]
    needs[wanted] *= 0.75 / needs[wanted].sum()
    needs[~wanted] *= 0.25 / needs[~wanted].sum()
    shoppers.activity[:2] = 8.0
