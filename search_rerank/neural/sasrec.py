"""Self-attention over a history, as a torch module whose parameters are the arrays that serve."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SasRec(nn.Module):
    """What comes next, from what came before (SASRec; Kang and McAuley, 2018), by cosines.

    Where it differs: item vectors have unit length, scaled by ``sqrt(dim)`` going in and by the
    temperature coming out, and what comes out has unit length, too; the place of an item is its
    distance, a learnt number added to the attention of each head; norms come before each part;
    keys have no bias, which a softmax would not see.

    Parameters
    ----------
    n_items
        Items known.
    dim, blocks, heads
        Length of the vectors, blocks of attention, heads of each; `heads` divides `dim`.
    length
        Items of a history that are looked at, at most.
    dropout
        Share of the numbers set to 0 in training, going in and after each part.
    """

    def __init__(
        self, *, n_items: int, dim: int, blocks: int, heads: int, length: int, dropout: float
    ) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        edge = dim**-0.5
        self.vectors = nn.Parameter(torch.randn(n_items, dim) * 0.02)
        self.attention = nn.Parameter(torch.empty(blocks, 4, dim, dim).uniform_(-edge, edge))
        """Query, key, value and what joins the heads; applied as ``x @ attention[b, 0]``."""
        self.attention_bias = nn.Parameter(torch.zeros(blocks, 3, dim))
        """Of query, value and what joins the heads."""
        self.distance = nn.Parameter(torch.zeros(blocks, heads, length))
        self.dense = nn.Parameter(torch.empty(blocks, 2, dim, dim).uniform_(-edge, edge))
        self.dense_bias = nn.Parameter(torch.zeros(blocks, 2, dim))
        self.norm = nn.Parameter(torch.ones(2 * blocks + 1, dim))
        """Of attention and dense part of each block, and of what comes out."""
        self.norm_bias = nn.Parameter(torch.zeros(2 * blocks + 1, dim))

    def items(self, numbers: Tensor | None = None) -> Tensor:
        """Return unit vectors of items, (..., dim); of all if no numbers are given."""
        rows = self.vectors if numbers is None else F.embedding(numbers, self.vectors)
        return F.normalize(rows, dim=-1)

    def forward(self, items: Tensor) -> Tensor:
        """Return what is expected after each place, (n, t, dim), of unit length.

        Parameters
        ----------
        items
            int64 (n, t), item numbers, oldest first; below 0 before the first.
        """
        there = items >= 0
        place = torch.arange(items.shape[1], device=items.device)
        away = place[:, None] - place  # (t, t)
        seen = (away >= 0) & (there[:, None, :] | (away == 0))  # (n, t, t); padding sees itself
        x = self.items(items.clamp(min=0)) * self.vectors.shape[1] ** 0.5  # (n, t, dim)
        x = self._dropped(x)
        for block in range(len(self.attention)):
            bias = self.distance[block][:, away.clamp(min=0)]  # (heads, t, t)
            mask = bias.masked_fill(~seen[:, None], -torch.inf)  # (n, heads, t, t)
            x = x + self._dropped(self._attend(block, self._norm(2 * block, x), mask))
            x = x + self._dropped(self._think(block, self._norm(2 * block + 1, x)))
        return F.normalize(self._norm(2 * len(self.attention), x), dim=-1)

    def _attend(self, block: int, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value, join = self.attention[block]
        query_bias, value_bias, join_bias = self.attention_bias[block]
        found = F.scaled_dot_product_attention(
            self._split(x @ query + query_bias),
            self._split(x @ key),
            self._split(x @ value + value_bias),
            attn_mask=mask,
        )  # (n, heads, t, dim / heads)
        joined: Tensor = found.transpose(1, 2).flatten(2) @ join + join_bias
        return joined

    def _think(self, block: int, x: Tensor) -> Tensor:
        first, second = self.dense[block]
        first_bias, second_bias = self.dense_bias[block]
        found: Tensor = self._dropped(F.relu(x @ first + first_bias)) @ second + second_bias
        return found

    def _split(self, x: Tensor) -> Tensor:
        n, t, dim = x.shape
        return x.view(n, t, self.heads, dim // self.heads).transpose(
            1, 2
        )  # (n, heads, t, dim / heads)

    def _norm(self, which: int, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.norm[which], self.norm_bias[which])

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)
