"""Content: how much an item's vector is like those of the history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.news import How, News
from search_rerank.scorers.numbers import inside, profile


@dataclass(frozen=True)
class Content(Fitted):
    """The cosine of the candidate's vector and the decayed mean of the history's vectors.

    An item needs no events. NaN means that the item has no vector, or none of the history has.
    """

    name: ClassVar[str] = "content"
    decay: float = 0.9
    """Weight of a history's item against the one after it."""
    vectors: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim), unit rows, 0 where an item has none."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item has a vector."""

    def __post_init__(self) -> None:
        require(0 < self.decay <= 1, "content: decay", "above 0 and at most 1", self.decay)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Take the catalogue's vectors; events are not looked at."""
        vectors = np.nan_to_num(catalogue.vectors.astype(np.float32))
        length = np.linalg.norm(vectors, axis=1)
        known = length > 0
        unit = vectors / np.where(known, length, 1).astype(np.float32)[:, None]
        return replace(self, vectors=unit, known=known)

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with the vectors of new items, exactly."""
        return self.fit(news.events, news.catalogue, now_ms=news.now_ms), "updated"

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,), -1 to 1; NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0 or not valid.any():
            return scores
        centre = weight @ self.vectors.take(past, axis=0)  # (dim,)
        length = np.linalg.norm(centre)
        own = self.vectors.take(items[valid], axis=0)
        scores[valid] = own @ (centre / max(length, np.float32(1e-12)))
        return scores
