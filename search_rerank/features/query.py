"""What the engine thinks of the match between the words and each candidate."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import (
    Column,
    Columns,
    Placed,
    by_row,
    constant,
    of_best,
    sums_by,
)
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS, QUERY_HALF_LIVES_DAYS

_NAMES = tuple(f"query.interactions_{int(half_life)}d" for half_life in QUERY_HALF_LIVES_DAYS)
_MONTH, _LONGEST = (QUERY_HALF_LIVES_DAYS.index(days) for days in (30.0, 180.0))
_USUAL = HALF_LIVES_DAYS.index(30.0)
_PRIOR = 10.0
"""Interactions without the query that the item's share of those with it is smoothed by."""


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the query group: word and vector scores, and what others took after these words.

    Shares are among the candidates: of what was taken after the words those of the item, smoothed
    by its share of all demand, and those of its deepest category.
    """
    found, n = moment.candidates, len(moment.items)
    taken = by_row(moment.query_counts)  # (half-lives, n)
    lexical, month = of_best(np.array([found.lexical, taken[_MONTH]]))
    total = float(taken[_LONGEST].sum())
    if total > 0:
        of_category = sums_by(taken[_LONGEST], catalogue.rows.leaf(moment.items)) / total
    else:
        of_category = constant(np.nan, n)
    return {
        "query.words": constant(len(moment.query.text.split()), n),
        "query.candidates": constant(n, n),
        "query.lexical": found.lexical,
        "query.lexical_of_best": lexical,
        "query.vector": found.vector,
        "query.vector_place": Placed(found.vector),
        "query.engine_score": found.score,
        "query.engine_rank": np.arange(n, dtype=np.float32),
        **dict(zip(_NAMES, np.log1p(taken), strict=True)),
        "query.interactions_of_best": month,
        "query.item_share": _smoothed(taken[_MONTH], moment.counts.decayed[:, _USUAL]),
        "query.category_share": of_category,
    }


def _smoothed(taken: Column, demand: Column) -> Column:
    """Return each item's share of what was taken, drawn to its share of all demand where few."""
    usual = demand / max(float(demand.sum()), 1e-6)
    return ((taken + _PRIOR * usual) / (float(taken.sum()) + _PRIOR)).astype(np.float32)
