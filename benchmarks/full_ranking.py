"""Scorers ranking every item that a shopper has not had: recall, hit rate and nDCG."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.scorers import create
from search_rerank.scorers.base import Scorer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Task:
    """One split: what scorers learn from, whose lists are asked for, and what is in them.

    Parameters
    ----------
    events, catalogue
        What scorers are fitted on.
    histories
        Item numbers of each shopper asked, oldest first.
    targets
        Item numbers that the shopper had afterwards.
    """

    events: Events
    catalogue: Catalogue
    histories: Sequence[NDArray[np.int32]]
    targets: Sequence[NDArray[np.int32]]

    def spread(self, n: int) -> Task:
        """Return the same with n shoppers spread evenly over all; with all if there are fewer."""
        if len(self.histories) <= n:
            return self
        rows = np.linspace(0, len(self.histories) - 1, n).astype(int).tolist()
        return Task(
            self.events,
            self.catalogue,
            [self.histories[row] for row in rows],
            [self.targets[row] for row in rows],
        )

    def fit(self, name: str, options: Mapping[str, Any]) -> Scorer:
        """Return a scorer fitted on the events."""
        now_ms = int(self.events.time_ms[-1]) + 1
        return create(name, options).fit(self.events, self.catalogue, now_ms=now_ms)


def best(scores: NDArray[np.float32], seen: NDArray[np.int32], k: int) -> NDArray[np.intp]:
    """Return the k best unseen items, best first; ties by number, NaN below all."""
    values = np.where(np.isnan(scores), -np.inf, scores)
    values[seen] = -np.inf
    if len(values) > k:
        above = values[values > 0]  # most scores may be 0, and so many equals are slow to part
        least = np.partition(above if len(above) >= k else values, -k)[-k]
        rows = np.flatnonzero(values >= least)  # a tie at the cut is broken by number
    else:
        rows = np.arange(len(values))
    order = rows[np.lexsort((rows, -values[rows]))][:k]
    return order[values[order] > -np.inf]


def measure(lists: Sequence[NDArray[np.intp]], task: Task, k: int) -> dict[str, Floats]:
    """Return recall, hit and nDCG at k of each shopper's list; a target missed counts 0."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    rows = []
    for found, targets in zip(lists, task.targets, strict=True):
        hits = np.isin(found[:k], targets)
        ideal = discount[: min(len(targets), k)].sum()
        gained = discount[: len(hits)][hits].sum()
        rows.append((hits.sum() / len(targets), float(hits.any()), gained / ideal))
    recall, hit, ndcg = np.array(rows).T
    return {f"recall@{k}": recall, f"HR@{k}": hit, f"nDCG@{k}": ndcg}


def lists_of(
    score: Callable[[History, NDArray[np.int32]], NDArray[np.float32]],
    task: Task,
    k: int,
    last: int | None = None,
) -> list[NDArray[np.intp]]:
    """Return the k best unseen items of each shopper; `last` cuts the history that is scored."""
    items = np.arange(len(task.catalogue), dtype=np.int32)
    return [
        best(score(History.of(seen if last is None else seen[-last:]), items), seen, k)
        for seen in task.histories
    ]
