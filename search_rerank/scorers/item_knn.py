"""Item-item neighbours: what shoppers with this history's items also had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import gains_option, require
from search_rerank.scorers.neighbours import Neighbours
from search_rerank.scorers.news import How, News
from search_rerank.scorers.numbers import actor_items, profile
from search_rerank.scorers.updating import corrected, grown, left, product_change

_BLOCK = 1024
WEIGHTINGS = ("bm25", "cosine", "none")


@dataclass(frozen=True)
class ItemKnn(Neighbours):
    """The sum, over the history, of each item's similarity to the candidate.

    Similarity is the product of the items' columns in the matrix of actors and items (Sarwar et
    al., 2001), of which each item keeps the `neighbours` largest, itself left out. A candidate
    known at fit time that is no neighbour of the history scores 0; a history without known items
    gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "item_knn"
    weighting: str = "none"
    """`bm25` and `cosine` weaken frequent items and active shoppers; `none` counts."""
    actor_power: float = 0.0
    """An interaction of an actor with n of them counts n to minus this power."""
    cosine_power: float = 1.0
    """Under `cosine`, the power of the items' lengths that similarity is divided by: 1 is the
    cosine, 0 counts, between them frequent items keep some of their lead."""
    shrink: float = 0.0
    """A similarity s from few common actors c becomes ``s * c / (c + shrink)``."""
    neighbours: int = 300
    """Neighbours kept of each item."""
    half_life_days: float = 60.0
    """After so many days an interaction of the log counts half; 0 counts all alike."""
    decay: float = 0.8
    """Weight of a history's item against the one after it."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""

    def __post_init__(self) -> None:
        require(
            self.weighting in WEIGHTINGS,
            "item_knn: weighting",
            f"one of {', '.join(WEIGHTINGS)}",
            self.weighting,
        )
        for power in ("actor_power", "cosine_power"):
            value = getattr(self, power)
            require(value >= 0, f"item_knn: {power}", "0 or more", value)
        require(self.shrink >= 0, "item_knn: shrink", "0 or more", self.shrink)
        require(
            self.half_life_days >= 0, "item_knn: half_life_days", "0 or more", self.half_life_days
        )
        require(self.neighbours >= 1, "item_knn: neighbours", "1 or more", self.neighbours)
        require(0 < self.decay <= 1, "item_knn: decay", "above 0 and at most 1", self.decay)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        from implicit.nearest_neighbours import all_pairs_knn
        from scipy.sparse import csr_matrix

        had = actor_items(
            events, len(catalogue), self.gains, now_ms=now_ms, half_life_days=self.half_life_days
        )
        matrix = csr_matrix(had.T)
        known = np.diff(matrix.indptr) > 0
        # One more, because an item is its own nearest neighbour; of a number that it cannot hold
        # the library takes the process down.
        n = min(self.neighbours, len(catalogue)) + 1
        weighted = self._weighted(matrix).T.tocsr().astype(np.float64)
        found = all_pairs_knn(weighted, n, num_threads=1, show_progress=False)
        found = csr_matrix(found, dtype=np.float32)
        if self.shrink > 0:
            found = self._shrunk(found, matrix)
        return self.with_lists(known, found, self.neighbours)

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with the lists that what is new touches corrected.

        Counts are sums, which can be corrected; under another weighting, with `actor_power` or
        `shrink` the scorer is fitted again.
        """
        if self.weighting != "none" or self.actor_power > 0 or self.shrink > 0:
            return super().update(news)
        change = product_change(news, self.gains, self.half_life_days)
        known = grown(self.known, len(news.catalogue)) | (change.diagonal() > 0)
        kept = left(news, self.half_life_days) ** 2
        return corrected(self, change, kept, known, self.neighbours), "updated"

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        return self.sums(profile(history, self.known, self.decay), items)

    def _weighted(self, items: Any) -> Any:
        """Return the matrix (items, actors) under the weighting."""
        from implicit.nearest_neighbours import bm25_weight
        from scipy.sparse import diags

        if items.nnz == 0:
            return items
        weighted = bm25_weight(items) if self.weighting == "bm25" else items
        if self.actor_power > 0:
            had = np.maximum(np.bincount(items.indices, minlength=items.shape[1]), 1)
            weighted = weighted @ diags(had ** (-self.actor_power / 2))
        if self.weighting == "cosine":
            length = np.sqrt(np.asarray(items.power(2).sum(axis=1)).ravel())
            weighted = diags(np.where(length > 0, length, 1) ** -self.cosine_power) @ weighted
        return weighted

    def _shrunk(self, found: Any, items: Any) -> Any:
        """Return the similarities (items, items) weakened where few actors are common."""
        from scipy.sparse import vstack

        signs = items.sign()
        blocks = []
        for start in range(0, found.shape[0], _BLOCK):  # the product of all rows may be dense
            block = slice(start, start + _BLOCK)
            common = (signs[block] @ signs.T).multiply(found[block].sign()).tocsr()
            common.data /= common.data + np.float32(self.shrink)
            blocks.append(found[block].multiply(common))
        return vstack(blocks).tocsr()
