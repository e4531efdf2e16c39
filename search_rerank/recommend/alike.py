"""What is most like one item, as the index knows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from search_rerank.engines.base import Engine, Retrieve
from search_rerank.errors import EngineError
from search_rerank.query import Candidates, Filters
from search_rerank.retriever import NO_WORD


def alike(engine: Engine, item_id: str, k: int, filters: Filters) -> Candidates:
    """Return the k items nearest to one: by vector, or by title where it has none.

    Raises
    ------
    EngineError
        When the index does not hold the item.
    """
    stored = engine.lookup([item_id])[0]
    if stored is None:
        raise EngineError(f"expected an item of the index, found no item {item_id!r}")
    text = stored.item.title if stored.vector is None else NO_WORD
    found = engine.retrieve(Retrieve(text, stored.vector, filters, k=k + 1))
    others = np.flatnonzero([id_ != item_id for id_ in found.ids])[:k]
    return replace(found.take(others), total=len(others))
