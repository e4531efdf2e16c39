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
from search_rerank.scorers.fitted import gains_option, require
from search_rerank.scorers.fold_in import logistic
from search_rerank.scorers.inner_product import InnerProduct
from search_rerank.scorers.numbers import actor_items, profile


@dataclass(frozen=True)
class Bpr(InnerProduct):
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
    popularity: float = 0.0
    """What every item is preferred by: this times the logarithm of how many had it."""
    fold_reg: float = 0.3
    """Weight of the shopper's squared factors, at request time."""
    decay: float = 0.8
    """Weight of a history's item against the one after it, at request time."""
    seed: int = 0
    """Seed of the start and of the pairs."""
    gains: Mapping[str, float] = gains_option()
    """Interaction types with a strength above 0 count, all alike."""

    def __post_init__(self) -> None:
        require(self.dim >= 1, "bpr: dim", "1 or more", self.dim)
        require(self.epochs >= 1, "bpr: epochs", "1 or more", self.epochs)
        require(self.learning_rate > 0, "bpr: learning_rate", "above 0", self.learning_rate)
        require(self.reg >= 0, "bpr: reg", "0 or more", self.reg)
        require(self.popularity >= 0, "bpr: popularity", "0 or more", self.popularity)
        require(self.fold_reg > 0, "bpr: fold_reg", "above 0", self.fold_reg)
        require(0 < self.decay <= 1, "bpr: decay", "above 0 and at most 1", self.decay)
        require(self.seed >= 0, "bpr: seed", "0 or more", self.seed)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes.

        An item's factors end with its bias: how much it is preferred by all.
        """
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from scipy.sparse import csr_matrix

        n = len(catalogue)
        matrix = actor_items(events, n, self.gains, now_ms=now_ms)
        actors = np.bincount(matrix.indices, minlength=n)
        known = actors > 0
        factors = np.zeros((n, self.dim + 1), dtype=np.float32)
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
            factors[known] = model.item_factors
            # The other item of a pair is one of the log's interactions, so that what was learnt is
            # the preference beyond popularity; 1 gives back all of it.
            factors[known, -1] += self.popularity * np.log(actors[known])
        return replace(self, known=known, factors=factors)

    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return the shopper's factors, float32 (dim + 1,), NaN where the history says nothing."""
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0:
            return np.full(self.factors.shape[1], np.nan, dtype=np.float32)
        against_mean = self.factors[past] - self._mean  # (h, dim + 1)
        shopper = logistic(
            against_mean[:, :-1],
            against_mean[:, -1],
            weight,
            np.ones(len(past), dtype=np.bool_),
            self.fold_reg,
        )
        return np.append(shopper, np.float32(1))

    @cached_property
    def _mean(self) -> NDArray[np.float32]:
        """The mean factors of the known items, float32 (dim + 1,); not for each request."""
        mean: NDArray[np.float32] = self.factors[self.known].mean(axis=0)
        return mean
