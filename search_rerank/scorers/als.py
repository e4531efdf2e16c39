"""Matrix factorisation by alternating least squares; the shopper is folded in from the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.fitted import gains_option, require
from search_rerank.scorers.inner_product import InnerProduct
from search_rerank.scorers.news import How, News
from search_rerank.scorers.numbers import actor_items, profile
from search_rerank.scorers.updating import grown

UPDATE_EPOCHS = 2
"""Epochs of an update, which starts near a solution."""


@dataclass(frozen=True)
class Als(InnerProduct):
    """Preference predicted from latent factors (Hu, Koren and Volinsky, 2008).

    An actor's confidence in an item is ``1 + alpha * weight``, where weights of repeated
    interactions add up. The factors of actors are thrown away; at request time those of the
    shopper are the least squares solution for the history. A history without known items gives
    NaN, as does a fit without events.
    """

    name: ClassVar[str] = "als"
    dim: int = 64
    """Length of the factors."""
    epochs: int = 15
    """Times that the factors of actors and items are solved in turn."""
    reg: float = 30.0
    """Weight of the squared factors in the loss."""
    alpha: float = 10.0
    """Confidence that one unit of interaction adds."""
    decay: float = 0.8
    """Weight of a history's item against the one after it, at request time."""
    seed: int = 0
    """Seed of the factors' start."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    gram: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (dim, dim), the factors' product with themselves plus `reg` on the diagonal."""

    def __post_init__(self) -> None:
        require(self.dim >= 1, "als: dim", "1 or more", self.dim)
        require(self.epochs >= 1, "als: epochs", "1 or more", self.epochs)
        require(self.reg > 0, "als: reg", "above 0", self.reg)
        require(self.alpha > 0, "als: alpha", "above 0", self.alpha)
        require(0 < self.decay <= 1, "als: decay", "above 0 and at most 1", self.decay)
        require(self.seed >= 0, "als: seed", "0 or more", self.seed)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes."""
        return self._solved(events, len(catalogue), now_ms, None, self.epochs)

    def update(self, news: News) -> tuple[Self, How]:
        """Return this scorer with factors solved for the whole log, starting from the present ones.

        They are near a solution already, so that few epochs do.
        """
        n = len(news.catalogue)
        start = grown(self.factors, n)
        epochs = min(UPDATE_EPOCHS, self.epochs)
        return self._solved(news.whole(), n, news.now_ms, start, epochs), "updated"

    def _solved(
        self,
        events: Events,
        n: int,
        now_ms: int,
        start: NDArray[np.float32] | None,
        epochs: int,
    ) -> Self:
        from implicit.cpu.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits

        matrix = actor_items(events, n, self.gains, now_ms=now_ms)
        known = np.bincount(matrix.indices, minlength=n) > 0
        factors = np.zeros((n, self.dim), dtype=np.float32)
        if known.any():
            confidence = csr_matrix(matrix[:, known])
            confidence.data = 1 + np.float32(self.alpha) * confidence.data
            # BLAS sums in another order with another number of threads, which changes bytes;
            # the solver's own threads each solve whole rows, which does not.
            with threadpool_limits(1, "blas"):
                model = AlternatingLeastSquares(
                    factors=self.dim,
                    regularization=self.reg,
                    iterations=epochs,
                    random_state=self.seed,
                )
                if start is not None:
                    model.item_factors = start[known]
                model.fit(confidence, show_progress=False)
            factors[known] = model.item_factors
        gram = factors.T @ factors + np.float32(self.reg) * np.eye(self.dim, dtype=np.float32)
        return replace(self, known=known, factors=factors, gram=gram)

    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return the shopper's factors, float32 (dim,), NaN where the history says nothing."""
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0:
            return np.full(self.factors.shape[1], np.nan, dtype=np.float32)
        past, of = np.unique(past, return_inverse=True)
        added = np.float32(self.alpha) * np.bincount(of, weights=weight).astype(np.float32)
        Y = self.factors.take(past, axis=0)  # (h, dim)
        left = self.gram + (Y * added[:, None]).T @ Y  # (dim, dim)
        shopper: NDArray[np.float32] = np.linalg.solve(left, (1 + added) @ Y)  # (dim,)
        return shopper
