"""Neural collaborative filtering: a factorisation and a perceptron on the pooled history."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.neural.extra import require_torch
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.fitted import require
from search_rerank.scorers.numbers import inside
from search_rerank.scorers.pooled import Pooling, pool, unit

if TYPE_CHECKING:
    from search_rerank.neural.cf import Towers
    from search_rerank.neural.mf import PooledMf


@dataclass(frozen=True)
class NeuralCf(Pooling):
    """The two towers of NeuMF (He et al., 2017), whose shopper is the pooled history.

    The towers have vectors of their own and are learnt together, with the exercise of `neural_mf`
    in the place of single pairs; the factorisation begins as there, the perceptron with no say,
    where He et al. train both apart first. A history without known items gives NaN, as does a fit
    without events.
    """

    name: ClassVar[str] = "neural_cf"
    dim: int = 32
    """Length of the vectors of each tower."""
    batch: int = 32
    """Histories in a step."""
    negatives: int = 256
    """Items drawn for each step beside those that its histories ask for; 0 takes every item."""
    hidden: int = 32
    """Units of the perceptron's first layer; the second has half of them."""
    known: NDArray[np.bool_] = _fitted(np.bool_)
    """bool (n_items,), whether the item had an event."""
    pooled: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, 2 * dim), what an item of the history says to the two towers."""
    factors: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim + 1), the factorisation's vectors, and the bias."""
    item_first: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, hidden), what the item adds to the first layer."""
    shopper_first: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (dim, hidden), from the shopper's vector to the first layer."""
    second: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (hidden + 1, hidden / 2), the second layer, its offset in the last row."""
    last: NDArray[np.float32] = _fitted(np.float32)
    """float32 (hidden / 2,), from the second layer to the score."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.hidden >= 1, "neural_cf: hidden", "1 or more", self.hidden)

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes.

        Raises
        ------
        MissingExtra
            Without torch.
        ConfigError
            For a GPU that is not there.
        """
        require_torch(f"the scorer {self.name}")
        from search_rerank.neural.cf import Towers

        n = len(catalogue)

        def make(mf: PooledMf) -> Towers:
            return Towers(mf, n, self.dim, self.hidden)

        known, learnt = self.learn(make, events, n, now_ms)
        if not learnt:
            return replace(self, known=known)
        seen = known[:, None]
        first = unit(learnt["item"]) @ learnt["first.weight"].T + learnt["first.bias"]
        return replace(
            self,
            known=known,
            pooled=np.hstack([learnt["mf.history"], learnt["history"]]) * seen,
            factors=np.hstack([learnt["mf.item"], learnt["mf.bias"][:, None]]) * seen,
            item_first=first * seen,
            shopper_first=np.ascontiguousarray(learnt["shopper.weight"].T),
            second=np.vstack([learnt["second.weight"].T, learnt["second.bias"]]),
            last=learnt["last.weight"][0],
        )

    def score(self, history: History, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one score an item, float32 (n,); NaN as the class says."""
        scores = np.full(len(items), np.nan, dtype=np.float32)
        valid = inside(items, self.known)
        if not valid.any():
            return scores
        wanted = items[valid]
        both = pool(history, self.known, self.pooled, self.decay)  # (2 * dim,)
        shopper = unit(both.reshape(2, self.dim))  # (2, dim)
        factors = self.factors[wanted]  # (n, dim + 1)
        first = self.item_first[wanted] + shopper[1] @ self.shopper_first  # (n, hidden)
        second = np.maximum(first, 0) @ self.second[:-1] + self.second[-1]  # (n, hidden / 2)
        deep = np.maximum(second, 0) @ self.last  # (n,)
        scores[valid] = factors[:, :-1] @ shopper[0] + factors[:, -1] + deep
        return scores
