"""Scores that are inner products: a vector for the history, and one for each item."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.numbers import inside, products


@dataclass(frozen=True)
class InnerProduct(Fitted):
    """What scorers have in common whose items are vectors; a `base.Representation`."""

    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item had an event."""
    factors: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim), 0 for unknown items."""

    @abstractmethod
    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return the shopper's vector, float32 (dim,), NaN where the history says nothing."""

    def item_vectors(self) -> NDArray[np.float32]:
        """Return one vector an item, float32 (n_items, dim), 0 for unknown items."""
        return self.factors

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        if valid.any():
            scores[valid] = products(self.factors, items[valid], self.history_vector(history))
        return scores
