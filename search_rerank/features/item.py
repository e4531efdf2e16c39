"""What is known of each candidate whoever asks: demand, age, price, rating."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item_rows import (
    LOG_PRICE,
    LOG_RATING_COUNT,
    PRICE,
    RATING,
    TITLE_WORDS,
)
from search_rerank.features.arrays import Columns, Placed, by_row, days, of_best, ratio, sums_by
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS

_NAMES = tuple(f"item.demand_{int(half_life)}d" for half_life in HALF_LIVES_DAYS)
_WEEK, _MONTH, _LONGEST = (HALF_LIVES_DAYS.index(days) for days in (7.0, 30.0, 180.0))


def columns(moment: Moment, catalogue: Catalogue) -> Columns:
    """Return the item group: fading counters, trend, age, and the shop's own fields.

    What is said of a category is said of the candidates of this deepest category: its share of
    the demand for all of them, its trend, and the item's share of its demand.
    """
    counts, rows = moment.counts, catalogue.rows
    demand = by_row(counts.decayed)  # (half-lives, n)
    week, month = demand[_WEEK], demand[_MONTH]
    leaf = rows.leaf(moment.items)
    week_of_leaf, month_of_leaf = sums_by(week, leaf), sums_by(month, leaf)
    of_week, of_month = of_best(demand[[_WEEK, _MONTH]])
    trend_week, trend_month, of_category, category_trend = ratio(
        np.array([week, month, month, week_of_leaf]),
        np.array([month, demand[_LONGEST], month_of_leaf, month_of_leaf]),
    )
    age, idle = days(moment.query.now_ms - np.array([counts.first_ms, counts.last_ms]))
    never = counts.last_ms < 0
    age[never] = idle[never] = np.nan
    own = rows.numbers.take(moment.items, axis=0).T
    return {
        **dict(zip(_NAMES, np.log1p(demand), strict=True)),
        "item.demand_7d_of_best": of_week,
        "item.demand_30d_of_best": of_month,
        "item.demand_30d_place": Placed(month),
        "item.trend_week": trend_week,
        "item.trend_month": trend_month,
        "item.demand_30d_of_category": of_category,
        "item.category_share": month_of_leaf / max(float(month.sum()), 1e-6),
        "item.category_trend": category_trend,
        "item.age_days": age,
        "item.idle_days": idle,
        "item.price": own[LOG_PRICE],
        "item.price_place": Placed(own[PRICE]),
        "item.rating": own[RATING],
        "item.rating_count": own[LOG_RATING_COUNT],
        "item.title_words": own[TITLE_WORDS],
    }
