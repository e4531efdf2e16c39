"""What shoppers took after queries like this one, the same one among them."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, Columns, Placed, by_row, constant, of_best
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS, QUERY_HALF_LIVES_DAYS

_MONTH = QUERY_HALF_LIVES_DAYS.index(30.0)
_USUAL = HALF_LIVES_DAYS.index(30.0)
_NAMES = ("near", "wide")
"""What the powers of SHARPNESS are called."""
_PRIOR = 1.0
"""Gains without any query that a share is drawn to the item's share of all demand by."""


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the similar group: votes of past queries for what was taken after them.

    Each past query votes with its gains times its similarity to a high power (`near`) or a low one
    (`wide`); a share is among the candidates.
    """
    n = len(moment.items)
    demand = moment.counts.decayed[:, _USUAL]
    usual = demand / max(float(demand.sum()), 1e-6)
    votes = by_row(moment.similar_counts)  # (names, half-lives, n)
    month = votes[:, _MONTH]
    totals = month.sum(axis=1, keepdims=True).astype(np.float64)
    shares = (month + _PRIOR * usual) / (totals + _PRIOR).astype(np.float32)
    # Above 1 where the query's takers want the item more than everybody does.
    lifts = np.log(shares / np.maximum(usual, 1e-6) + 1e-6)
    logs, of_bests = np.log1p(votes), of_best(month)
    found: dict[str, Column | Placed] = {}
    for place, name in enumerate(_NAMES):
        for half_life, log in zip(QUERY_HALF_LIVES_DAYS, logs[place], strict=True):
            found[f"similar.{name}_{int(half_life)}d"] = log
        found[f"similar.{name}_share"] = shares[place]
        found[f"similar.{name}_of_best"] = of_bests[place]
        found[f"similar.{name}_place"] = Placed(month[place])
        found[f"similar.{name}_votes"] = constant(np.log1p(totals[place, 0]), n)
        found[f"similar.{name}_lift"] = lifts[place]
    return found
