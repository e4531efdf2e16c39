"""How each candidate fits a history: used for all of it (user) and for its session."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.history import History
from search_rerank.features.arrays import Column, constant, days, share_of
from search_rerank.features.moment import Moment

_TASTE = (
    "brand_share",
    "category_top_share",
    "category_mid_share",
    "category_leaf_share",
    "leaf_of_last",
    "price_distance",
    "seen_days_ago",
    "idle_days",
)


def columns(
    prefix: str, history: History, moment: Moment, catalogue: Catalogue
) -> dict[str, Column]:
    """Return the size of a history and each candidate's closeness to it; NaN if it is empty."""
    n = len(moment.items)
    size = {f"{prefix}.interactions": constant(len(history), n)}
    if len(history) == 0:
        return size | {f"{prefix}.{name}": constant(np.nan, n) for name in _TASTE}
    known = moment.items >= 0
    seen = history.items

    def share(values: np.ndarray[tuple[int], np.dtype[np.int32]]) -> Column:
        asked = np.where(known, values[moment.items], -1)
        return share_of(history.weight, values[seen], asked)

    leaf = catalogue.leaf
    same_leaf = (leaf[moment.items] == leaf[seen[-1]]) & (leaf[seen[-1]] >= 0)
    taste = (
        share(catalogue.brand),
        share(catalogue.level(0)),
        share(catalogue.level(1)),
        share(leaf),
        np.where(known, same_leaf, np.nan).astype(np.float32),
        _price_distance(history, moment, catalogue),
        _seen_days_ago(history, moment),
        constant(float(days(np.array([history.now_ms - history.time_ms[-1]]))[0]), n),
    )
    return size | {f"{prefix}.{name}": column for name, column in zip(_TASTE, taste, strict=True)}


def _price_distance(history: History, moment: Moment, catalogue: Catalogue) -> Column:
    """Return log price less the history's mean log price, NaN where either is unknown."""
    past = np.log1p(catalogue.price[history.items])
    has = ~np.isnan(past)
    if not has.any():
        return constant(np.nan, len(moment.items))
    usual = np.average(past[has], weights=history.weight[has] + 1e-6)
    own = np.log1p(catalogue.price[moment.items])
    return np.where(moment.items >= 0, own - usual, np.nan).astype(np.float32)


def _seen_days_ago(history: History, moment: Moment) -> Column:
    """Return the age in days of the newest interaction with the candidate, NaN if none."""
    newest = dict(zip(history.items.tolist(), history.time_ms.tolist(), strict=True))
    times = np.array([newest.get(item, -1) for item in moment.items.tolist()], dtype=np.int64)
    return np.where(times >= 0, days(history.now_ms - times), np.nan).astype(np.float32)
