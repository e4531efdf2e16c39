"""What is known of each candidate whoever asks: demand, age, price, rating."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.features.arrays import Column, days, of_best, place, ratio, sums_by
from search_rerank.features.moment import Moment
from search_rerank.state.base import HALF_LIVES_DAYS


def columns(moment: Moment, catalogue: Catalogue) -> dict[str, Column]:
    """Return the item group: fading counters, trend, age, and the shop's own fields.

    What is said of a category is said of the candidates of this deepest category: its share of
    the demand for all of them, its trend, and the item's share of its demand.
    """
    counts = moment.counts
    seen = counts.last_ms >= 0
    now = moment.query.now_ms
    decayed = {
        f"{int(half_life)}d": counts.decayed[:, n] for n, half_life in enumerate(HALF_LIVES_DAYS)
    }
    known = moment.items >= 0
    leaf = np.where(known, catalogue.leaf[moment.items], -1)
    of_leaf = {name: sums_by(decayed[name], leaf) for name in ("7d", "30d")}
    logs = np.log1p(counts.decayed)
    price = np.where(known, catalogue.price[moment.items], np.nan)
    return {
        **{f"item.demand_{name}": logs[:, n] for n, name in enumerate(decayed)},
        "item.demand_7d_of_best": of_best(decayed["7d"]),
        "item.demand_30d_of_best": of_best(decayed["30d"]),
        "item.demand_30d_place": place(decayed["30d"]),
        "item.trend_week": ratio(decayed["7d"], decayed["30d"]),
        "item.trend_month": ratio(decayed["30d"], decayed["180d"]),
        "item.demand_30d_of_category": ratio(decayed["30d"], of_leaf["30d"]),
        "item.category_share": of_leaf["30d"] / max(float(decayed["30d"].sum()), 1e-6),
        "item.category_trend": ratio(of_leaf["7d"], of_leaf["30d"]),
        "item.age_days": np.where(seen, days(now - counts.first_ms), np.nan),
        "item.idle_days": np.where(seen, days(now - counts.last_ms), np.nan),
        "item.price": np.log1p(price),
        "item.price_place": place(price.astype(np.float32)),
        "item.rating": np.where(known, catalogue.rating[moment.items], np.nan),
        "item.rating_count": np.where(
            known, np.log1p(catalogue.rating_count[moment.items]), np.nan
        ),
        "item.title_words": np.where(known, catalogue.title_words[moment.items], np.nan),
    }
