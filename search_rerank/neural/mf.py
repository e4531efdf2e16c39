"""Matrix factorisation whose shopper is a pooled history, as torch learns it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_rerank.neural.pooled import Pooled


class PooledMf(nn.Module):
    """Logits: cosine of the pooled history and an item, over a temperature, plus the item's bias.

    Parameters
    ----------
    dim
        Length of the vectors.
    temperature
        By which cosines are divided.
    bias
        float32 (n_items,), the first one.
    """

    def __init__(self, dim: int, temperature: float, bias: NDArray[np.float32]) -> None:
        super().__init__()
        self.history = nn.Parameter(torch.randn(len(bias), dim) * dim**-0.5)
        self.item = nn.Parameter(torch.randn(len(bias), dim) * dim**-0.5)
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        self.temperature = temperature

    def forward(self, had: Pooled, candidates: Tensor) -> Tensor:
        """Return logits, float32 (b, c)."""
        shopper = nn.functional.normalize(had.of(self.history), dim=1)  # (b, dim)
        item = nn.functional.normalize(self.item[candidates], dim=1)  # (c, dim)
        return shopper @ item.T / self.temperature + self.bias[candidates]  # (b, c)
