"""Graph filtering: the history smoothed over the graph of actors and items, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.fitted import gains_option, require
from search_rerank.scorers.neighbours import Neighbours, largest
from search_rerank.scorers.numbers import actor_items, inside, products, profile

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 2048


@dataclass(frozen=True)
class GraphFilter(Neighbours):
    """The history through a linear and an ideal low-pass filter (GF-CF; Shen et al., 2021).

    With X the actor-item matrix and A, D the degrees of actors and items, a history r becomes
    r P + alpha r D^-i U U' D^i, where U are the `dim` strongest right singular vectors of
    A^-a/2 X D^-i, and P = D^-h X' A^-a X D^-c with the powers of the options: a = 1 and 1/2 the
    others in GF-CF; h, a, c free in LinkProp (Fu et al., 2022). Of P each item keeps its
    `neighbours` largest, itself left out; the rest is exact. A history without known items gives
    NaN, as does a fit without events.
    """

    name: ClassVar[str] = "graph_filter"
    dim: int = 128
    """Number of singular vectors."""
    alpha: float = 0.3
    """Weight of the ideal low-pass filter."""
    history_power: float = 0.5
    """In the linear filter, an item of the history counts its degree to minus this power."""
    actor_power: float = 1.0
    """An actor of the log counts its degree to minus this power; less than 1 trusts the busy."""
    candidate_power: float = 0.5
    """In the linear filter, a candidate counts its degree to minus this power."""
    item_power: float = 0.5
    """In the low-pass filter, an item counts its degree to minus this power."""
    neighbours: int = 500
    """Neighbours kept of each item."""
    half_life_days: float = 60.0
    """After so many days an interaction of the log counts half; 0 counts all alike."""
    decay: float = 0.8
    """Weight of a history's item against the one after it."""
    seed: int = 0
    """Seed of the singular vectors' start."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    vectors: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim), the singular vectors, 0 for unknown items."""
    scale: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), D^i: by it an item of the history is divided, a candidate multiplied."""

    def __post_init__(self) -> None:
        require(self.dim >= 1, "graph_filter: dim", "1 or more", self.dim)
        require(self.alpha >= 0, "graph_filter: alpha", "0 or more", self.alpha)
        for power in ("history_power", "actor_power", "candidate_power", "item_power"):
            value = getattr(self, power)
            require(value >= 0, f"graph_filter: {power}", "0 or more", value)
        require(self.neighbours >= 1, "graph_filter: neighbours", "1 or more", self.neighbours)
        half_life = self.half_life_days
        require(half_life >= 0, "graph_filter: half_life_days", "0 or more", half_life)
        require(0 < self.decay <= 1, "graph_filter: decay", "above 0 and at most 1", self.decay)
        require(self.seed >= 0, "graph_filter: seed", "0 or more", self.seed)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes."""
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits

        n = len(catalogue)
        had = actor_items(events, n, self.gains, now_ms=now_ms, half_life_days=self.half_life_days)
        degree = np.asarray(had.sum(axis=0)).ravel()
        known = degree > 0
        of_actor = np.asarray(had.sum(axis=1)).ravel()
        rows, columns = np.repeat(of_actor, np.diff(had.indptr)), degree[had.indices]

        def scaled(actor: float, item: float) -> csr_matrix[np.float32]:
            data = had.data * rows**-actor * columns**-item
            return csr_matrix((data.astype(np.float32), had.indices, had.indptr), had.shape)

        with threadpool_limits(1, "blas"):  # sums in one order: the same bytes
            vectors = self._low_pass(scaled(self.actor_power / 2, self.item_power), known)
            graph = self._graph(
                scaled(self.actor_power / 2, self.history_power),
                scaled(self.actor_power / 2, self.candidate_power),
            )
        scale = np.where(known, degree, 1) ** self.item_power
        kept = replace(self, vectors=vectors, scale=scale.astype(np.float32))
        return kept.with_lists(known, graph, self.neighbours)

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        past, weight = profile(history, self.known, self.decay)
        scores = self.sums((past, weight), items)
        valid = inside(items, self.known)
        if len(past) and valid.any():
            smoothed = np.asarray(weight / self.scale[past], dtype=np.float32) @ self.vectors[past]
            passed = products(self.vectors, items[valid], smoothed) * self.scale[items[valid]]
            scores[valid] += np.float32(self.alpha) * passed
        return scores

    def _low_pass(
        self, scaled: csr_matrix[np.float32], known: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        vectors = np.zeros((len(known), self.dim), dtype=np.float32)
        dim = min(self.dim, scaled.shape[0], int(known.sum()))
        if dim == 0 or self.alpha == 0:
            return vectors
        from sklearn.utils.extmath import randomized_svd

        _, _, rows = randomized_svd(scaled, dim, n_iter=5, random_state=self.seed)
        vectors[:, :dim] = rows.T * known[:, None]
        return vectors

    def _graph(self, past: csr_matrix[np.float32], candidate: csr_matrix[np.float32]) -> Any:
        """Return P, from items of a history to candidates, with the largest of each row only."""
        from scipy.sparse import csr_matrix, vstack

        columns = csr_matrix(past.T)
        blocks = []
        for start in range(0, columns.shape[0], _BLOCK):  # the whole product would not fit
            some = csr_matrix(columns[start : start + _BLOCK] @ candidate)
            kept = largest(some, self.neighbours + 1)  # one more: an item is its own neighbour
            cells = np.repeat(np.arange(some.shape[0]), np.diff(some.indptr))[kept]
            blocks.append(
                csr_matrix((some.data[kept], (cells, some.indices[kept])), shape=some.shape)
            )
        return vstack(blocks) if blocks else csr_matrix(columns @ candidate)
