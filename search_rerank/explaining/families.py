"""Features that say the same thing in several ways, taken together: one reason each."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

Group = Literal["personal", "query", "shop"]
"""What a family speaks of: the shopper, the words searched for, or the item whoever asks."""

OTHER = "other"
ORDER = "order"
"""Features that no family names, and those that hand on what the stage before a stage made."""

_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "brand": ("user.brand_share", "session.brand_share"),
    "category": (
        "user.category_*",
        "session.category_*",
        "user.leaf_of_last",
        "session.leaf_of_last",
    ),
    "usual_price": ("user.price_distance", "session.price_distance"),
    "again": ("user.seen_days_ago", "session.seen_days_ago"),
    "attributes": ("attributes.affinity", "attributes.*_affinity"),
    "together": (
        "score.item_knn*",
        "score.als*",
        "score.user_knn*",
        "score.co_occurrence*",
        "score.graph_filter*",
        "score.bpr*",
        "score.logistic_mf*",
        "score.sequence*",
        "score.neural_mf*",
        "score.neural_cf*",
    ),
    "alike": ("score.content*",),
    "taste": ("score.affinity*",),
    "goes_with": ("score.cross_category*",),
    "visits": (
        "user.interactions",
        "user.idle_days",
        "session.interactions",
        "session.idle_days",
        "attributes.left",
    ),
    "match": ("query.lexical*", "query.engine_*", "match.*"),
    "meaning": ("query.vector*", "cross_encoder"),
    "asked": ("query.words", "query.candidates"),
    "searches": ("query.interactions_*", "query.item_share", "similar.*"),
    "searched_category": ("query.category_share",),
    "results": ("neighbourhood.*",),
    "demand": ("item.demand_*", "score.popularity*", "score.category_popularity*"),
    "shown": ("shown.*", "score.click_rate*"),
    "trend": ("item.trend_*", "score.trend*"),
    "category_demand": ("item.category_share", "item.category_trend"),
    "price": ("item.price", "item.price_place"),
    "rating": ("item.rating", "item.rating_count"),
    "lately": ("item.age_days", "item.idle_days"),
    "details": ("item.title_words", "attributes.*"),
    ORDER: ("cascade.*",),
}
"""Family to patterns of the names of its features; the first that matches counts."""

_PERSONAL = (
    "brand",
    "category",
    "usual_price",
    "again",
    "attributes",
    "together",
    "alike",
    "taste",
    "goes_with",
    "visits",
)
_QUERY = ("match", "meaning", "asked", "searches", "searched_category", "results")

FAMILIES: Mapping[str, Group] = {
    name: "personal" if name in _PERSONAL else "query" if name in _QUERY else "shop"
    for name in (*_PATTERNS, OTHER)
}
"""Each family and what it speaks of."""


@lru_cache(maxsize=4096)
def family_of(feature: str) -> str:
    """Return the family of a feature, by its name."""
    for family, patterns in _PATTERNS.items():
        if any(fnmatchcase(feature, pattern) for pattern in patterns):
            return family
    return OTHER
