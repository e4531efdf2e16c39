"""Neighbours of a history: what the shoppers most like this one had, found at request time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.neighbours import ranges
from search_rerank.scorers.numbers import actor_items, inside, profile, sums_at


@dataclass(frozen=True)
class UserKnn(Fitted):
    """The sum, over the past actors most like the history, of similarity times what they had.

    Similarity is the cosine of the histories, items weakened by how many had them (Resnick et al.,
    1994; Breese et al., 1998). Actors are nameless rows, a bounded number of them: those with the
    most interactions lately. A candidate that no neighbour had scores 0; a history without known
    items gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "user_knn"
    neighbours: int = 200
    """Most similar actors that count."""
    actors: int = 50_000
    """Actors kept at most."""
    max_items: int = 200
    """Items kept of an actor at most, the strongest."""
    rarity: float = 0.5
    """An item that c actors had counts ``c ** -rarity`` in the similarity."""
    half_life_days: float = 60.0
    """After so many days an interaction of the log counts half; 0 counts all alike."""
    decay: float = 0.8
    """Weight of a history's item against the one after it."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether an actor had the item."""
    rare: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), how much an item counts in the similarity."""
    starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (n_items + 1,): item j was had by the rows ``starts[j]:starts[j + 1]``."""
    row: NDArray[np.int32] = _fitted(np.int32)
    """int32, rows of actors."""
    strength: NDArray[np.float32] = _fitted(np.float32)
    """float32, beside `row`, how much the actor had of the item, actors of unit length."""
    row_starts: NDArray[np.int64] = _fitted(np.int64)
    """int64 (rows + 1,): a row had the items ``row_starts[r]:row_starts[r + 1]``."""
    row_item: NDArray[np.int32] = _fitted(np.int32)
    """int32, item numbers: the same cells once more, so that a request reads the nearest only."""
    row_strength: NDArray[np.float32] = _fitted(np.float32)
    """float32, beside `row_item`."""

    def __post_init__(self) -> None:
        require(self.neighbours >= 1, "user_knn: neighbours", "1 or more", self.neighbours)
        require(self.actors >= 1, "user_knn: actors", "1 or more", self.actors)
        require(self.max_items >= 1, "user_knn: max_items", "1 or more", self.max_items)
        require(self.rarity >= 0, "user_knn: rarity", "0 or more", self.rarity)
        half_life = self.half_life_days
        require(half_life >= 0, "user_knn: half_life_days", "0 or more", half_life)
        require(0 < self.decay <= 1, "user_knn: decay", "above 0 and at most 1", self.decay)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input gives the same bytes."""
        from scipy.sparse import csr_matrix

        n = len(catalogue)
        had = actor_items(events, n, self.gains, now_ms=now_ms, half_life_days=self.half_life_days)
        lately = np.asarray(had.sum(axis=1)).ravel()
        had = had[np.sort(np.argsort(-lately, kind="stable")[: self.actors])]
        rows = np.repeat(np.arange(had.shape[0]), np.diff(had.indptr))
        order = np.lexsort((had.indices, -had.data, rows))
        rank = np.arange(len(order)) - had.indptr[rows[order]]
        kept = order[rank < self.max_items]
        count = np.bincount(had.indices[kept], minlength=n)
        rare = (np.maximum(count, 1) ** -self.rarity).astype(np.float32)
        rows, items, strength = rows[kept], had.indices[kept], had.data[kept]
        length = np.sqrt(np.bincount(rows, weights=(strength * rare[items]) ** 2))
        by_item = csr_matrix(
            ((strength / length[rows]).astype(np.float32), (items, rows)),
            shape=(n, had.shape[0]),
        )
        by_item.sort_indices()
        by_row = csr_matrix(by_item.T)
        return replace(
            self,
            known=count > 0,
            rare=rare,
            starts=by_item.indptr.astype(np.int64),
            row=by_item.indices.astype(np.int32),
            strength=by_item.data.astype(np.float32),
            row_starts=by_row.indptr.astype(np.int64),
            row_item=by_row.indices.astype(np.int32),
            row_strength=by_row.data.astype(np.float32),
        )

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0 or not valid.any():
            return scores
        nearest, similar = self._nearest(past, weight)
        cells, length = ranges(self.row_starts[nearest], self.row_starts[nearest + 1])
        mass = self.row_strength[cells] * np.repeat(similar, length)
        scores[valid] = sums_at(items[valid], self.row_item[cells], mass, len(self.known))
        return scores

    def _nearest(
        self, past: NDArray[np.int32], weight: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return the rows most like the history and their cosines with it; ties at the end stay."""
        cells, length = ranges(self.starts[past], self.starts[past + 1])
        scale = weight * self.rare[past] ** 2
        mass = self.strength[cells] * np.repeat(scale, length)
        similar = np.bincount(self.row[cells], weights=mass)
        nearest = np.flatnonzero(similar)
        if len(nearest) > self.neighbours:
            least = np.partition(similar[nearest], -self.neighbours)[-self.neighbours]
            nearest = nearest[similar[nearest] >= least]
        _, of = np.unique(past, return_inverse=True)
        whole = np.linalg.norm(np.bincount(of, weights=weight * self.rare[past]))
        return nearest, (similar[nearest] / max(float(whole), 1e-12)).astype(np.float32)
