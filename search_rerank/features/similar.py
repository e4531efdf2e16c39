"""What shoppers took after queries like this one, the same one among them."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, of_best, place
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS, QUERY_HALF_LIVES_DAYS

_MONTH = QUERY_HALF_LIVES_DAYS.index(30.0)
_USUAL = HALF_LIVES_DAYS.index(30.0)
_NAMES = ("near", "wide")
"""What the powers of SHARPNESS are called."""
_PRIOR = 1.0
"""Gains without any query that a share is drawn to the item's share of all demand by."""


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
    """Return the similar group: votes of past queries for what was taken after them.

    Each past query votes with its gains times its similarity to a high power (`near`) or a low one
    (`wide`); a share is among the candidates.
    """
    demand = moment.counts.decayed[:, _USUAL]
    usual = demand / max(float(demand.sum()), 1e-6)
    found: dict[str, Column] = {}
    logs = np.log1p(moment.similar_counts)
    for place_, name in enumerate(_NAMES):
        month = moment.similar_counts[:, place_, _MONTH]
        for n, half_life in enumerate(QUERY_HALF_LIVES_DAYS):
            found[f"similar.{name}_{int(half_life)}d"] = logs[:, place_, n]
        total = float(month.sum())
        share = (month + _PRIOR * usual) / (total + _PRIOR)
        found[f"similar.{name}_share"] = share.astype(np.float32)
        found[f"similar.{name}_of_best"] = of_best(month)
        found[f"similar.{name}_place"] = place(month)
        found[f"similar.{name}_votes"] = np.full(len(month), np.log1p(total), dtype=np.float32)
        # Above 1 where the query's takers want the item more than everybody does.
        found[f"similar.{name}_lift"] = np.log(
            (month + _PRIOR * usual) / (total + _PRIOR) / np.maximum(usual, 1e-6) + 1e-6
        ).astype(np.float32)
    return found
