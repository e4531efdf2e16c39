"""Matrix factorisation whose shopper is a pooled history, as torch learns it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_rerank.neural.pooled import Pooled

Floats = NDArray[np.float32]


class PooledMf(nn.Module):
    """Logits: product of the pooled history, of unit length, and an item, plus the item's bias.

    Parameters
    ----------
    pooled, item
        float32 (n_items, dim), the first vectors of a history's items and of those to be found.
    bias
        float32 (n_items,), the first one.
    """

    def __init__(self, pooled: Floats, item: Floats, bias: Floats) -> None:
        super().__init__()
        self.history = nn.Parameter(torch.from_numpy(pooled))
        self.item = nn.Parameter(torch.from_numpy(item))
        self.bias = nn.Parameter(torch.from_numpy(bias))

    def forward(self, had: Pooled, candidates: Tensor) -> Tensor:
        """Return logits, float32 (b, c)."""
        shopper = nn.functional.normalize(had.of(self.history), dim=1)  # (b, dim)
        return shopper @ self.item[candidates].T + self.bias[candidates]  # (b, c)
