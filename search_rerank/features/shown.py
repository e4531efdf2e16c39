"""How often each candidate was shown lately, to anybody, and what came of it."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, Columns, Placed, by_row
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS

_PRIOR = 10.0
"""Impressions without the item's own say that its rate is drawn to the candidates' rate by."""


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the shown group: impressions, and gains over impressions.

    A rate is the item's gains over its impressions under one half-life, drawn to that of all
    candidates with the weight of `_PRIOR` impressions. Gains that came without a ranking count
    too, so that a rate may pass that of any list. Where nothing was shown lately, no item has one.
    """
    shown, gained = by_row(moment.counts.shown), by_row(moment.counts.decayed)  # (half-lives, n)
    total = shown.sum(axis=1, keepdims=True)
    total[total <= 0] = np.nan
    usual = gained.sum(axis=1, keepdims=True).astype(np.float64) / total
    rates = (gained + (_PRIOR * usual).astype(np.float32)) / (shown + _PRIOR)
    found: dict[str, Column | Placed] = {}
    for half_life, times, rate in zip(HALF_LIVES_DAYS, np.log1p(shown), rates, strict=True):
        name = f"{int(half_life)}d"
        found[f"shown.times_{name}"] = times
        found[f"shown.rate_{name}"] = rate
        if half_life == 30.0:
            found["shown.rate_place"] = Placed(rate)
    return found
