"""How each candidate fits a history: used for all of it (user) and for its session."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.history import History
from search_rerank.data.item_rows import BRAND, LEAF, LOG_PRICE, MID, TOP, ItemRows
from search_rerank.features.arrays import Column, Columns, constant, days, shares_of
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


def columns(prefix: str, history: History, moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the size of a history and each candidate's closeness to it; NaN if it is empty."""
    n, rows = len(moment.items), catalogue.rows
    names = [f"{prefix}.{name}" for name in _TASTE]
    size = {f"{prefix}.interactions": constant(len(history), n)}
    if len(history) == 0:
        return size | dict.fromkeys(names, constant(np.nan, n))
    seen, asked = rows.keys.take(history.items, axis=0), rows.keys.take(moment.items, axis=0)
    shares = shares_of(history.weight, seen, asked, rows.none)
    same_leaf = (asked[:, LEAF] == seen[-1, LEAF]) & (seen[-1, LEAF] > rows.none[LEAF])
    taste = (
        shares[BRAND],
        shares[TOP],
        shares[MID],
        shares[LEAF],
        np.where(moment.items >= 0, same_leaf, np.nan).astype(np.float32),
        _price_distance(history, moment, rows),
        _seen_days_ago(history, moment),
        constant(float(days(np.array([history.now_ms - history.time_ms[-1]]))[0]), n),
    )
    return size | dict(zip(names, taste, strict=True))


def _price_distance(history: History, moment: Moment, rows: ItemRows) -> Column:
    """Return log price less the history's mean log price, NaN where either is unknown."""
    past = rows.numbers.take(history.items, axis=0)[:, LOG_PRICE]
    has = ~np.isnan(past)
    weight = history.weight[has] + 1e-6
    if len(weight) == 0:
        return constant(np.nan, len(moment.items))
    usual = (past[has] * weight).sum() / weight.sum()
    distance: Column = rows.numbers.take(moment.items, axis=0)[:, LOG_PRICE] - usual
    return distance


def _seen_days_ago(history: History, moment: Moment) -> Column:
    """Return the age in days of the newest interaction with the candidate, NaN if none."""
    newest_first = history.items[::-1]
    same = moment.items[:, None] == newest_first  # (n, h)
    place = same.argmax(axis=1)
    had = newest_first[place] == moment.items
    age: Column = days(history.now_ms - history.time_ms[::-1])[place]
    age[~had] = np.nan
    return age
