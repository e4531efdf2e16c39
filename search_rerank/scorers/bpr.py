"""Bayesian personalised ranking: factors that put what was had before what was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers.fitted import Fitted, gains_option, require
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.fold_in import logistic
from search_rerank.scorers.numbers import actor_items, inside, profile


@dataclass(frozen=True)
class Bpr(Fitted):
    """Preference from factors learnt on pairs of a had and another item (Rendle et al., 2009).

    The factors of actors are thrown away; at request time those of the shopper maximise the same
    objective over the history, each of its items against the mean item. A history without known
    items gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "bpr"
    dim: int = 64
    """Length of the factors."""
    epochs: int = 100
    """Times that as many pairs are drawn as there are interactions."""
    learning_rate: float = 0.05
    """Size of a step of stochastic gradient descent."""
    reg: float = 0.01
    """Weight of the squared factors, in fitting."""
    fold_reg: float = 0.3
    """Weight of the shopper's squared factors, at request time."""
    decay: float = 0.8
    """Weight of a history's item against the one after it, at request time."""
    seed: int = 0
    """Seed of the start and of the pairs."""
    gains: Mapping[str, float] = gains_option()
    """Interaction types with a strength above 0 count, all alike."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item had an event."""
    factors: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim), 0 for unknown items."""
    bias: NDArray[np.float32] = _fitted(np.float32)
    """float32 (n_items,), how much the item is preferred by all."""

    def __post_init__(self) -> None:
        require(self.dim >= 1, "bpr: dim", "1 or more", self.dim)
        require(self.epochs >= 1, "bpr: epochs", "1 or more", self.epochs)
        require(self.learning_rate > 0, "bpr: learning_rate", "above 0", self.learning_rate)
        require(self.reg >= 0, "bpr: reg", "0 or more", self.reg)
        require(self.fold_reg > 0, "bpr: fold_reg", "above 0", self.fold_reg)
        require(0 < self.decay <= 1, "bpr: decay", "above 0 and at most 1", self.decay)
        require(self.seed >= 0, "bpr: seed", "0 or more", self.seed)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from scipy.sparse import csr_matrix

        n = len(catalogue)
        matrix = actor_items(events, n, self.gains, now_ms=now_ms)
        known = np.bincount(matrix.indices, minlength=n) > 0
        factors, bias = np.zeros((n, self.dim), dtype=np.float32), np.zeros(n, dtype=np.float32)
        if known.any():
            model = BayesianPersonalizedRanking(
                factors=self.dim,
                learning_rate=self.learning_rate,
                regularization=self.reg,
                iterations=self.epochs,
                num_threads=1,  # several race for the same factors, which changes bytes
                random_state=self.seed,
            )
            model.fit(csr_matrix(matrix[:, known]), show_progress=False)
            factors[known], bias[known] = model.item_factors[:, :-1], model.item_factors[:, -1]
        return replace(self, known=known, factors=factors, bias=bias)

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0 or not valid.any():
            return scores
        mean, usual = self._mean
        shopper = logistic(
            self.factors[past] - mean,
            self.bias[past] - usual,
            weight,
            np.ones(len(past), dtype=np.bool_),
            self.fold_reg,
        )
        scores[valid] = self.factors[items[valid]] @ shopper + self.bias[items[valid]]
        return scores

    @cached_property
    def _mean(self) -> tuple[NDArray[np.float32], np.float32]:
        """The mean factors, float32 (dim,), and bias of the known items; not for each request."""
        return self.factors[self.known].mean(axis=0), self.bias[self.known].mean()
