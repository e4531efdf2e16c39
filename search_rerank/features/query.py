"""What the engine thinks of the match between the words and each candidate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, constant, of_best, place, sums_by
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS, QUERY_HALF_LIVES_DAYS

_MONTH = HALF_LIVES_DAYS.index(30.0)
_PRIOR = 10.0
"""Interactions without the query that the item's share of those with it is smoothed by."""


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
    """Return the query group: word and vector scores, and what others took after these words.

    Shares are among the candidates: of what was taken after the words those of the item, smoothed
    by its share of all demand, and those of its deepest category.
    """
    found = moment.candidates
    n = len(found)
    taken = {
        f"{int(half_life)}d": moment.query_counts[:, column]
        for column, half_life in enumerate(QUERY_HALF_LIVES_DAYS)
    }
    leaf = np.where(moment.items >= 0, catalogue.leaf[moment.items], -1)
    return {
        "query.words": constant(len(moment.query.text.split()), n),
        "query.candidates": constant(n, n),
        "query.lexical": found.lexical,
        "query.lexical_of_best": of_best(found.lexical),
        "query.vector": found.vector,
        "query.vector_place": place(found.vector),
        "query.engine_score": found.score,
        "query.engine_rank": np.arange(n, dtype=np.float32),
        **{f"query.interactions_{name}": np.log1p(column) for name, column in taken.items()},
        "query.interactions_of_best": of_best(taken["30d"]),
        "query.item_share": _smoothed(taken["30d"], moment.counts.decayed[:, _MONTH]),
        "query.category_share": _category_share(taken["180d"], leaf),
    }


def _smoothed(taken: Column, demand: Column) -> Column:
    """Return each item's share of what was taken, drawn to its share of all demand where few."""
    usual = demand / max(float(demand.sum()), 1e-6)
    return ((taken + _PRIOR * usual) / (float(taken.sum()) + _PRIOR)).astype(np.float32)


def _category_share(taken: Column, leaf: NDArray[np.int32]) -> Column:
    """Return the share of each item's category of what was taken, NaN where nothing was."""
    total = float(taken.sum())
    return sums_by(taken, leaf) / total if total > 0 else constant(np.nan, len(leaf))
