"""Logistic matrix factorisation: the probability that a shopper takes an item."""

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
from search_rerank.scorers.fold_in import logistic
from search_rerank.scorers.inner_product import InnerProduct
from search_rerank.scorers.numbers import actor_items, profile


@dataclass(frozen=True)
class LogisticMf(InnerProduct):
    """sigma(u'i + b) fitted by log-likelihood with L2 and drawn negatives (Johnson, 2014).

    The factors of actors are thrown away; at request time those of the shopper maximise the same
    likelihood over the history and a fixed sample of negatives. A history without known items
    gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "logistic_mf"
    dim: int = 32
    """Length of the factors."""
    epochs: int = 30
    """Times that the factors of actors and items are improved in turn."""
    learning_rate: float = 1.0
    """Size of a step, which shrinks as AdaGrad does."""
    reg: float = 0.6
    """Weight of the squared factors, in fitting and at request time."""
    negatives: int = 30
    """Negatives drawn for each interaction in fitting."""
    sample: int = 200
    """Negatives kept for request time, drawn evenly from the known items."""
    decay: float = 0.8
    """Weight of a history's item against the one after it, at request time."""
    seed: int = 0
    """Seed of the start and of the negatives."""
    gains: Mapping[str, float] = gains_option()
    """Strength of each interaction type; others count nothing."""
    negative: NDArray[np.int32] = _fitted(np.int32)
    """int32 (sample,), the items that stand for all others at request time."""

    def __post_init__(self) -> None:
        require(self.dim >= 1, "logistic_mf: dim", "1 or more", self.dim)
        require(self.epochs >= 1, "logistic_mf: epochs", "1 or more", self.epochs)
        rate = self.learning_rate
        require(rate > 0, "logistic_mf: learning_rate", "above 0", rate)
        require(self.reg > 0, "logistic_mf: reg", "above 0", self.reg)
        require(self.negatives >= 1, "logistic_mf: negatives", "1 or more", self.negatives)
        require(self.sample >= 1, "logistic_mf: sample", "1 or more", self.sample)
        require(0 < self.decay <= 1, "logistic_mf: decay", "above 0 and at most 1", self.decay)
        require(self.seed >= 0, "logistic_mf: seed", "0 or more", self.seed)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes.

        An item's factors end with its bias: how probable it is for all. Scores are log odds.
        """
        from implicit.cpu.lmf import LogisticMatrixFactorization
        from scipy.sparse import csr_matrix

        n = len(catalogue)
        matrix = actor_items(events, n, self.gains, now_ms=now_ms)
        known = np.bincount(matrix.indices, minlength=n) > 0
        factors = np.zeros((n, self.dim + 1), dtype=np.float32)
        negative = np.zeros(0, dtype=np.int32)
        if known.any():
            model = LogisticMatrixFactorization(
                factors=self.dim,
                learning_rate=self.learning_rate,
                regularization=self.reg,
                iterations=self.epochs,
                neg_prop=self.negatives,
                num_threads=1,
                random_state=self.seed,
            )
            model.fit(csr_matrix(matrix[:, known]), show_progress=False)
            learnt = np.asarray(model.item_factors)  # dim columns, the item's bias, a constant 1
            factors[known] = learnt[:, : self.dim + 1]
            rng = np.random.default_rng(self.seed)
            drawn = rng.choice(np.flatnonzero(known), self.sample, replace=True)
            negative = np.sort(drawn).astype(np.int32)
        return replace(self, known=known, factors=factors, negative=negative)

    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return the shopper's factors, float32 (dim + 1,), NaN where the history says nothing."""
        past, weight = profile(history, self.known, self.decay)
        if len(past) == 0:
            return np.full(self.factors.shape[1], np.nan, dtype=np.float32)
        rows = np.concatenate([past, self.negative])
        # The sample stands for as many negatives as fitting drew for this history.
        share = self.negatives * len(past) / len(self.negative)
        shopper = logistic(
            self.factors[rows, :-1],
            self.factors[rows, -1],
            np.concatenate([weight, np.full(len(self.negative), share, dtype=np.float32)]),
            np.arange(len(rows)) < len(past),
            self.reg,
        )
        return np.append(shopper, np.float32(1))
