"""The two towers of neural collaborative filtering, as torch learns them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_rerank.neural.mf import PooledMf
from search_rerank.neural.pooled import Pooled


class Towers(nn.Module):
    """Logits: those of a factorisation plus those of a perceptron on [shopper, item].

    Parameters
    ----------
    dim, temperature, bias
        As of `PooledMf`; the perceptron has vectors of its own, as long.
    hidden
        Units of the perceptron's first layer; the second has half of them.
    """

    def __init__(
        self, dim: int, hidden: int, temperature: float, bias: NDArray[np.float32]
    ) -> None:
        super().__init__()
        self.mf = PooledMf(dim, temperature, bias)
        self.history = nn.Parameter(torch.randn(len(bias), dim) * dim**-0.5)
        self.item = nn.Parameter(torch.randn(len(bias), dim) * dim**-0.5)
        self.shopper = nn.Linear(dim, hidden, bias=False)
        self.first = nn.Linear(dim, hidden)
        self.second = nn.Linear(hidden, max(1, hidden // 2))
        self.last = nn.Linear(max(1, hidden // 2), 1, bias=False)

    def forward(self, had: Pooled, candidates: Tensor) -> Tensor:
        """Return logits, float32 (b, c)."""
        shopper = nn.functional.normalize(had.of(self.history), dim=1)  # (b, dim)
        item = nn.functional.normalize(self.item[candidates], dim=1)  # (c, dim)
        # A layer on [shopper, item] is one on each, added.
        first = self.shopper(shopper)[:, None, :] + self.first(item)  # (b, c, hidden)
        second = self.second(first.relu()).relu()  # (b, c, hidden / 2)
        logits: Tensor = self.mf(had, candidates) + self.last(second).squeeze(-1)  # (b, c)
        return logits
