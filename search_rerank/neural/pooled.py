"""Learning to find part of a history from the rest of it, pooled: exercises, loss and measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from search_rerank.neural.histories import HeldOut, Histories
from search_rerank.neural.training import Batch, Recipe, fit

_K = 20
"""Places that the measure looks at."""
_HELD_OUT = 2_000
"""Actors whose last item is measured."""
_AT_ONCE = 256
"""Actors measured at a time."""


@dataclass(frozen=True)
class Exercise:
    """What is asked of a history: a part of it, given the rest.

    Parameters
    ----------
    batch
        Actors in a step.
    negatives
        Items drawn for each step, against which all its targets are told; 0 takes every item.
    decay
        Weight of an item against the one nearer to the cut between what is given and asked.
    ordered
        Whether what is asked comes after what is given; otherwise both are drawn.
    """

    batch: int
    negatives: int
    decay: float
    ordered: bool


@dataclass(frozen=True)
class Pooled:
    """The histories of some shoppers, to be pooled: items end to end, where each begins, weights.

    Parameters
    ----------
    item
        int64 (h,).
    start
        int64 (b,).
    weight
        float32 (h,).
    """

    item: Tensor
    start: Tensor
    weight: Tensor

    def of(self, rows: Tensor) -> Tensor:
        """Return the weighted sums of rows (n_items, d) over each history, (b, d)."""
        summed: Tensor = nn.functional.embedding_bag(
            self.item, rows, self.start, mode="sum", per_sample_weights=self.weight
        )
        return summed


class Finding:
    """The lesson: candidates are told from each other by logits, what was had by cross-entropy.

    The loss of an actor is that of a softmax over the candidates without what is given, in the mean
    of what is asked: the multinomial likelihood of Liang et al. (2018) with the sampled denominator
    of Wu et al. (2022).

    Parameters
    ----------
    make
        Returns a model that may begin with what it is given, `histories`; the model is called with
        `Pooled` and candidates, int64 (c,), and returns logits (b, c).
    histories
        What is learnt from.
    n_items
        Of the catalogue.
    exercise
        What is asked.
    held_out
        What is measured, if anything; `histories` then are those that it left.
    """

    def __init__(
        self,
        make: Callable[[Histories], nn.Module],
        histories: Histories,
        n_items: int,
        exercise: Exercise,
        held_out: HeldOut | None = None,
    ) -> None:
        self._make = make
        self._histories = histories
        self._exercise = exercise
        self._held_out = held_out
        self._known = np.flatnonzero(histories.known(n_items))

    def model(self) -> nn.Module:
        """Return a model with its first weights."""
        return self._make(self._histories)

    def batches(self, rng: np.random.Generator) -> Iterable[Batch]:
        """Yield exercises, each actor with two items or more once."""
        able = np.flatnonzero(self._histories.lengths() > 1)
        actors = rng.permutation(able)
        for first in range(0, len(actors), self._exercise.batch):
            yield self._batch(actors[first : first + self._exercise.batch], rng)

    def _batch(self, actors: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        """Return tensors in the order in which `loss` takes them."""
        item, row, place = _flat(self._histories, actors)
        length = self._histories.lengths()[actors]
        if not self._exercise.ordered:
            item = item[np.lexsort((rng.random(len(item)), row))]
        from_cut = place - rng.integers(1, length)[row]  # below 0 is given, 0 is asked first
        given = from_cut < 0
        decay = np.float32(self._exercise.decay)
        weight = decay ** np.where(given, -1 - from_cut, from_cut).astype(np.float32)
        asked, asked_row, asked_weight = item[~given], row[~given], weight[~given]
        share = asked_weight / np.bincount(asked_row, asked_weight)[asked_row]
        candidates = self._candidates(asked, rng)
        column = np.searchsorted(candidates, item[given]).clip(max=len(candidates) - 1)
        hidden = candidates[column] == item[given]
        start = np.searchsorted(row[given], np.arange(len(actors)))
        parts = (
            item[given],
            start,
            weight[given],
            candidates,
            asked_row,
            np.searchsorted(candidates, asked),
            share.astype(np.float32),
            row[given][hidden],
            column[hidden],
        )
        return tuple(torch.from_numpy(part) for part in parts)

    def _candidates(self, asked: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        n = self._exercise.negatives
        if n == 0 or n >= len(self._known):
            return self._known
        return np.unique(np.append(rng.choice(self._known, n), asked))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Return the mean over actors of the cross-entropy of what is asked."""
        item, start, weight, candidates, row, column, share, hidden_row, hidden = batch
        logits: Tensor = model(Pooled(item, start, weight), candidates)  # (b, c)
        found = logits[row, column]  # (asked,)
        nothing = logits.new_tensor(-torch.inf)
        total = logits.index_put((hidden_row, hidden), nothing).logsumexp(dim=1)  # (b,)
        loss: Tensor = (share * (total[row] - found)).sum() / len(start)
        return loss

    def measure(self, model: nn.Module) -> float:
        """Return nDCG@20 of what was held out, every item that the actor has not had ranked.

        NaN where nothing was held out.
        """
        if self._held_out is None or len(self._held_out.actors) == 0:
            return float("nan")
        device = next(model.parameters()).device
        gained = 0.0
        for first in range(0, len(self._held_out.actors), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            actors, target = self._held_out.actors[part], self._held_out.target[part]
            gained += self._gained(model, actors, target.astype(np.int64), device)
        return gained / len(self._held_out.actors)

    def _gained(
        self,
        model: nn.Module,
        actors: NDArray[np.int64],
        target: NDArray[np.int64],
        device: torch.device,
    ) -> float:
        item, row, place = _flat(self._histories, actors)
        length = self._histories.lengths()[actors]
        age = (length[row] - 1 - place).astype(np.float32)
        weight = np.float32(self._exercise.decay) ** age
        parts = (
            item,
            np.cumsum(length) - length,
            weight,
            np.unique(np.append(self._known, target)),
        )
        had, start, weights, candidates = (torch.from_numpy(part).to(device) for part in parts)
        logits = model(Pooled(had, start, weights), candidates)  # (b, c)
        rows = torch.from_numpy(row).to(device)
        asked = torch.searchsorted(candidates, torch.from_numpy(target).to(device))
        wanted = logits.gather(1, asked[:, None])  # (b, 1)
        better = logits > wanted
        better[rows, torch.searchsorted(candidates, had)] = False
        rank = better.sum(dim=1)  # (b,)
        return float((1 / torch.log2(rank[rank < _K] + 2.0)).sum())


def _flat(
    histories: Histories, actors: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the items of some actors end to end, whose each is, and its place in the history."""
    length = histories.lengths()[actors]
    row = np.repeat(np.arange(len(actors)), length)
    place = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    return histories.item[histories.starts[actors][row] + place].astype(np.int64), row, place


def learn(
    name: str,
    recipe: Recipe,
    make: Callable[[Histories], nn.Module],
    histories: Histories,
    n_items: int,
    exercise: Exercise,
) -> dict[str, NDArray[Any]]:
    """Return the weights of a model that finds what was had, arrays by parameter name.

    Parameters are those of `training.fit` and of `Finding`.
    """
    held = histories.last_held_out(_HELD_OUT)
    return fit(
        name,
        recipe,
        Finding(make, histories, n_items, exercise),
        Finding(make, held.histories, n_items, exercise, held),
    )
