"""Neural matrix factorisation: the shopper is the pooled history, learnt as such."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.neural.extra import require_torch
from search_rerank.scorers.fitted import fitted as _fitted
from search_rerank.scorers.inner_product import InnerProduct
from search_rerank.scorers.pooled import Pooling, pool, unit


@dataclass(frozen=True)
class NeuralMf(InnerProduct, Pooling):
    """Product of the pooled history, of unit length, and the item, plus the item's bias.

    The generalised factorisation of NeuMF (He et al., 2017) with the pooled history of SimpleX (Mao
    et al., 2021) in the place of a table of users. What an item says of a shopper and what it is
    itself are learnt apart, from the singular vectors of who had what on, so that one part of a
    history is found from the rest, by a softmax over drawn items where SimpleX has a contrastive
    loss. A history without known items gives NaN, as does a fit without events.
    """

    name: ClassVar[str] = "neural_mf"
    pooled: NDArray[np.float32] = _fitted(np.float32, 0, 0)
    """float32 (n_items, dim), what an item of the history says of the shopper."""

    def fit(self, events: Events, catalogue: Catalogue, *, now_ms: int) -> Self:
        """Learn from events before `now_ms`; the same input and seed give the same bytes.

        The items' vectors have one column more than `dim`, for the bias.

        Raises
        ------
        MissingExtra
            Without torch.
        ConfigError
            For a GPU that is not there.
        """
        require_torch(f"the scorer {self.name}")
        n = len(catalogue)
        known, learnt = self.learn(lambda mf: mf, events, n, now_ms)
        said = np.zeros((n, self.dim), dtype=np.float32)
        factors = np.zeros((n, self.dim + 1), dtype=np.float32)
        if learnt:
            said[known] = learnt["history"][known]
            factors[known, :-1] = learnt["item"][known]
            factors[known, -1] = learnt["bias"][known]
        return replace(self, known=known, factors=factors, pooled=said)

    def history_vector(self, history: History) -> NDArray[np.float32]:
        """Return the shopper's vector, float32 (dim + 1,), NaN where the history says nothing."""
        said = pool(history, self.known, self.pooled, self.decay)
        constant = np.nan if np.isnan(said).any() else 1
        return np.append(unit(said), np.float32(constant))
