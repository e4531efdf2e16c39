"""The price ranges a shop offers: few, round, and around what its products cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from search_rerank.engines.fields import as_text
from search_rerank.query import Range, Statistics

_SHARES = (0.25, 0.5, 1.0, 2.0)
"""Where to cut, in parts of the mean price."""
_CENT = 0.01


def price_steps(prices: Statistics | None) -> Sequence[Range]:
    """Return adjoining ranges, upper bounds not included; none where all prices are alike."""
    if prices is None:
        return []
    cuts = sorted({_round(prices.mean * share) for share in _SHARES})
    cuts = [cut for cut in cuts if prices.least < cut <= prices.greatest]
    if not cuts:
        return []
    return [Range(low, high) for low, high in pairwise([None, *cuts, None])]


def as_filter(step: Range) -> Range:
    """Return the closed range that holds the same prices, which are whole cents."""
    return step if step.lte is None else Range(step.gte, round(step.lte - _CENT, 2))


def step_label(step: Range) -> str:
    """Return what a range is called on the page."""
    closed = as_filter(step)
    if closed.gte is None:
        return f"up to {_money(closed.lte)}"
    if closed.lte is None:
        return f"{_money(closed.gte)} and more"
    return f"{_money(closed.gte)} – {_money(closed.lte)}"


def _money(value: float | None) -> str:
    return "" if value is None else as_text(value)


def _round(price: float) -> float:
    """Return the nearest of 1, 2, 5, 10, 20, 50, …."""
    if price <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(price))
    return min((power * digit for digit in (1, 2, 5, 10)), key=lambda cut: abs(cut - price))
