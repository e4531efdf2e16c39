"""What `benchmarks.beauty_search` runs with, chosen on its validation part only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.scorers import DIM, SETTINGS
from search_rerank.config import Config, EncoderConfig, ScorerConfig
from search_rerank.fusion.trees import TreeOptions

NAME = "amazon_beauty_5core"

SCORERS = (
    "popularity",
    "item_knn",
    "als",
    "content",
    "user_knn",
    "co_occurrence",
    "graph_filter",
    "bpr",
    "affinity",
    "trend",
    "cross_category",
    "category_popularity",
)
"""The scorers among the features, in the order of their columns."""

TREES = TreeOptions(leaves=15, features=0.4, rows=0.5, threads=1)
"""Smaller trees on fewer columns and rows than by default: as good, and quicker to grow."""
FIRST_STAGE = 100
"""Candidates that the cascade's first stage hands to its trees."""

TEACHING: Mapping[str, int] = {
    "static": 20_000,
    "online": 8_000,
    "e2e": 8_000,
    "ablation": 20_000,
}
"""Queries replayed for training at most, by kind of rows; there are 14,039 in the window."""
ALL_CANDIDATES = 4_000
"""Queries of those that LambdaMART alone learns from, whose trees see every candidate."""
ABLATION = (3_000, 6_000)
"""Queries of those that every cascade of an ablation learns from, and that it ranks."""
RANKED: Mapping[str, int] = {
    "static": 20_000,
    "online": 20_000,
    "e2e": 6_000,
    "ablation": 20_000,
}
"""Queries that are ranked at most; of more, so many are spread evenly over the time."""

WITHOUT: Mapping[str, tuple[str, ...]] = {
    "query features": ("query.",),
    "item features": ("item.",),
    "user features": ("user.",),
    "session features": ("session.",),
    "scores": ("score.",),
    "collaborative scores": (
        "score.item_knn",
        "score.user_knn",
        "score.co_occurrence",
        "score.graph_filter",
        "score.als",
        "score.bpr",
        "score.cross_category",
    ),
    "content": (
        "score.content",
        "score.affinity",
        "score.cross_category",
        "query.lexical",
        "query.vector",
        "query.engine",
        "user.brand",
        "user.category",
        "user.leaf",
        "user.price",
    ),
    "demand": (
        "item.demand",
        "item.trend",
        "item.category",
        "item.age",
        "item.idle",
        "score.popularity",
        "score.trend",
        "score.category_popularity",
        "query.item_share",
    ),
}
"""Ablation to how the names of the features begin that are left out."""


def config_at(home: Path) -> Config:
    """Return the settings of a shop in a folder."""
    return Config(
        home=home,
        encoder=EncoderConfig(dim=DIM),
        scorers=tuple(
            ScorerConfig(name=name, options=dict(SETTINGS.get(name, {}))) for name in SCORERS
        ),
    )
