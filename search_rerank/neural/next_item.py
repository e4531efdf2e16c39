"""Learning what comes next: windows of histories, and the cross-entropy of the next item."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from search_rerank.neural.histories import HeldOut, Histories
from search_rerank.neural.ranking import ndcg
from search_rerank.neural.sasrec import SasRec
from search_rerank.neural.training import Batch

_FREQUENT = 0.5
"""Negatives are drawn as often as items are frequent, to this power."""
_MIXED = 3.0
"""Windows whose lengths differ by less can come into the same batch."""
BETAS = 0.9, 0.98
"""Of AdamW; a rare item's slopes are forgotten soon, so that each of its events moves it."""


@dataclass(frozen=True)
class NextItem:
    """The lesson of `sequence`: each place of each window predicts the item after it.

    Parameters
    ----------
    new
        Makes a model.
    histories
        Item numbers below `n_items`.
    n_items
        Items that can come next.
    length
        Items of a window that are looked at.
    batch
        Windows of a batch.
    negatives
        Items drawn for each batch to stand for all others; 0 takes all, which is exact and slow.
    temperature
        Cosines are divided by it.
    held_out
        What `measure` asks.
    """

    new: Callable[[], SasRec]
    histories: Histories
    n_items: int
    length: int
    batch: int
    negatives: int
    temperature: float
    held_out: HeldOut

    def model(self) -> nn.Module:
        """Return a model with its first weights."""
        return self.new()

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the windows of about the same length together, and the negatives of each batch."""
        windows = self._windows
        lengths = windows.lengths()
        if len(windows) == 0:
            return
        order = np.argsort(lengths + _MIXED * rng.random(len(lengths)), kind="stable")
        parts = np.array_split(order, -(-len(order) // self.batch))
        for n in rng.permutation(len(parts)).tolist():
            items = windows.padded(parts[n], int(lengths[parts[n]].max()))
            drawn = np.searchsorted(self._cumulative, rng.random(self.negatives))
            yield torch.from_numpy(items.astype(np.int64)), torch.from_numpy(drawn)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the next items, a scalar.

        With negatives: sampled softmax, shared by the batch and corrected for how often each item
        is drawn, as in "Turning Dross Into Gold Loss" (Klenitskiy and Vasilev, 2023) but for that.
        """
        net = cast(SasRec, model)
        items, drawn = batch
        there = items[:, :-1] >= 0  # (n, t)
        expected = net(items[:, :-1])[there] / self.temperature  # (m, dim)
        target = items[:, 1:][there]  # (m,)
        if self.negatives == 0:
            return F.cross_entropy(expected @ net.items().T, target)
        often = self._log_share.to(items.device)[drawn] + np.log(self.negatives)  # (negatives,)
        others = expected @ net.items(drawn).T - often  # (m, negatives)
        others = others.masked_fill(drawn == target[:, None], -torch.inf)
        right = (expected * net.items(target)).sum(-1, keepdim=True)  # (m, 1)
        scores = torch.cat([right, others], dim=1)
        return F.cross_entropy(scores, torch.zeros_like(target))

    def measure(self, model: nn.Module) -> float:
        """Return nDCG@10 of the items held out among all that were not had before."""
        net = cast(SasRec, model)
        vectors = net.items()
        return ndcg(
            self.held_out,
            self.length,
            lambda items: net(items.to(vectors.device))[:, -1] @ vectors.T,
        )

    @cached_property
    def _windows(self) -> Histories:
        return self.histories.windows(self.length + 1)

    @cached_property
    def _share(self) -> NDArray[np.float64]:
        count = np.bincount(self.histories.item, minlength=self.n_items)
        often = (count + 1.0) ** _FREQUENT
        share: NDArray[np.float64] = often / often.sum()
        return share

    @cached_property
    def _log_share(self) -> Tensor:
        return torch.from_numpy(np.log(self._share).astype(np.float32))

    @cached_property
    def _cumulative(self) -> NDArray[np.float64]:
        cumulative = np.cumsum(self._share)
        scaled: NDArray[np.float64] = cumulative / cumulative[-1]
        return scaled
