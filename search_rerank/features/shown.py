"""How often each candidate was shown lately, to anybody, and what came of it."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, place
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS

_PRIOR = 10.0
"""Impressions without the item's own say that its rate is drawn to the candidates' rate by."""


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
    """Return the shown group: impressions, and gains over impressions.

    A rate is the item's gains over its impressions under one half-life, drawn to that of all
    candidates with the weight of `_PRIOR` impressions. Gains that came without a ranking count
    too, so that a rate may pass that of any list. Where nothing was shown lately, no item has one.
    """
    counts = moment.counts
    found: dict[str, Column] = {}
    for n, half_life in enumerate(HALF_LIVES_DAYS):
        name, shown, gained = f"{int(half_life)}d", counts.shown[:, n], counts.decayed[:, n]
        total = float(shown.sum())
        usual = float(gained.sum()) / total if total > 0 else np.nan
        rate = ((gained + _PRIOR * usual) / (shown + _PRIOR)).astype(np.float32)
        found[f"shown.times_{name}"] = np.log1p(shown)
        found[f"shown.rate_{name}"] = rate
        if half_life == 30.0:
            found["shown.rate_place"] = place(rate)
    return found
