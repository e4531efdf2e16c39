"""A little shop whose features can be worked out by hand."""

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Interaction
from search_rerank.data.item import Item
from search_rerank.query import Candidates

DAY = 86_400_000
GAINS = {"click": 1.0, "cart": 2.0, "purchase": 3.0}

ITEMS = [
    Item(id="boot", title="Winter Boot", brand="North", category=["Shoes", "Boots"], price=100),
    Item(id="shoe", title="Trail Shoe", brand="North", category=["Shoes", "Running"], price=80),
    Item(id="lamp", title="Desk Lamp", brand="Glow", category=["Home", "Lamps"], price=40),
    Item(id="mug", title="Mug", category=["Home"]),
]


def catalogue(dim: int = 0) -> Catalogue:
    vectors = np.eye(len(ITEMS), max(dim, 1), dtype=np.float32) if dim else None
    return Catalogue.from_items(ITEMS, vectors)


def candidates(*ids: str) -> Candidates:
    n = len(ids)
    falling = np.linspace(1, 0.5, n, dtype=np.float32)
    return Candidates(list(ids), falling * 10, falling, falling, total=n)


def did(n: int, item: str, time_ms: int, user: str | None = "ann", **more: object) -> Interaction:
    row = {"id": f"e{n}", "item": item, "timestamp": time_ms, "user": user, "type": "click"}
    return Interaction.model_validate(row | more)
