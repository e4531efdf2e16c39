"""The two towers of neural collaborative filtering, as torch learns them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_rerank.neural.mf import PooledMf
from search_rerank.neural.pooled import Pooled


class Towers(nn.Module):
    """Logits: those of a factorisation plus those of a perceptron on [shopper, item].

    The perceptron begins with no say, so that it learns what the factorisation leaves.

    Parameters
    ----------
    mf
        The factorisation.
    n_items, dim
        Of the perceptron's own vectors, which are random at first.
    hidden
        Units of the perceptron's first layer; the second has half of them.
    """

    def __init__(self, mf: PooledMf, n_items: int, dim: int, hidden: int) -> None:
        super().__init__()
        half = max(1, hidden // 2)
        self.mf = mf
        self.history = nn.Parameter(torch.randn(n_items, dim) * dim**-0.5)
        self.item = nn.Parameter(torch.randn(n_items, dim) * dim**-0.5)
        self.shopper = nn.Linear(dim, hidden, bias=False)
        self.first = nn.Linear(dim, hidden)
        self.second = nn.Linear(hidden, half)
        self.last = nn.Linear(half, 1, bias=False)
        nn.init.zeros_(self.last.weight)

    def forward(self, had: Pooled, candidates: Tensor) -> Tensor:
        """Return logits, float32 (b, c)."""
        shopper = nn.functional.normalize(had.of(self.history), dim=1)  # (b, dim)
        item = nn.functional.normalize(self.item[candidates], dim=1)  # (c, dim)
        # A layer on [shopper, item] is one on each, added.
        first = self.shopper(shopper)[:, None, :] + self.first(item)  # (b, c, hidden)
        second = self.second(first.relu()).relu()  # (b, c, hidden / 2)
        logits: Tensor = self.mf(had, candidates) + self.last(second).squeeze(-1)  # (b, c)
        return logits
