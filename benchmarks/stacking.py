"""Fusion of scorers that rank a whole catalogue: candidates, their feature table, the fusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.full_ranking import Task, best
from search_rerank.data.history import History
from search_rerank.features.arrays import constant, place
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.vote import Vote
from search_rerank.fusion.weighted import Weighted
from search_rerank.scorers.base import Scorer

FUSIONS = ("vote", "weighted", "lambdamart")
_BATCH = 500
"""Shoppers whose candidates are in memory at a time where nothing is learnt from them."""


@dataclass(frozen=True)
class Stack:
    """Fitted scorers, which of them bring candidates, and which also see short histories.

    Parameters
    ----------
    scorers
        By the name of their columns.
    retrievers
        Those whose best unseen items are the candidates.
    depth
        So many items of each retriever.
    recent
        Those that have a column for the last item alone, and one for the last two.
    """

    scorers: Mapping[str, Scorer]
    retrievers: Sequence[str]
    depth: int
    recent: Sequence[str]

    def candidates(
        self, seen: NDArray[np.int32], items: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], dict[str, NDArray[np.float32]]]:
        """Return one shopper's candidates, and the retrievers' scores of them.

        Candidates stand in the order of their best place in a retriever's list; of equal places
        that of the retriever named first comes first.
        """
        history = History.of(seen)
        whole = {name: self.scorers[name].score(history, items) for name in self.retrievers}
        lists = [best(scores, seen, self.depth) for scores in whole.values()]
        at = np.argsort(np.concatenate([np.arange(len(one)) for one in lists]), kind="stable")
        merged = np.concatenate(lists)[at]
        _, first = np.unique(merged, return_index=True)
        found = merged[np.sort(first)].astype(np.int32)
        return found, {name: scores[found] for name, scores in whole.items()}

    def columns(
        self,
        seen: NDArray[np.int32],
        found: NDArray[np.int32],
        retrieved: Mapping[str, NDArray[np.float32]],
    ) -> dict[str, NDArray[np.float32]]:
        """Return the columns of one shopper's candidates."""
        history = History.of(seen)
        scores = {
            name: retrieved[name] if name in retrieved else scorer.score(history, found)
            for name, scorer in self.scorers.items()
        }
        for last in (1, 2):
            short = History.of(seen[-last:])
            scores |= {
                f"{name}_last_{last}": self.scorers[name].score(short, found)
                for name in self.recent
            }
        columns = {f"score.{name}": values for name, values in scores.items()}
        columns |= {f"score.{name}_place": place(values) for name, values in retrieved.items()}
        columns["user.interactions"] = constant(len(seen), len(found))
        columns["query.engine_rank"] = np.arange(len(found), dtype=np.float32)
        return columns

    def tables(
        self, task: Task, batch: int, taught: bool = False
    ) -> Iterator[tuple[FeatureTable, NDArray[np.int32], NDArray[np.float32]]]:
        """Yield tables of so many shoppers each, with their candidates and gains.

        `taught` leaves shoppers out whose candidates lack their target: they teach nothing.
        """
        items = np.arange(len(task.catalogue), dtype=np.int32)
        names: tuple[str, ...] = ()
        blocks: list[NDArray[np.float32]] = []
        found: list[NDArray[np.int32]] = []
        gains: list[NDArray[np.float32]] = []

        def table() -> tuple[FeatureTable, NDArray[np.int32], NDArray[np.float32]]:
            sizes = [len(group) for group in found]
            return (
                FeatureTable(
                    names,
                    np.concatenate(blocks),
                    np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
                    np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
                ),
                np.concatenate(found),
                np.concatenate(gains),
            )

        for seen, targets in zip(task.histories, task.targets, strict=True):
            group, retrieved = self.candidates(seen, items)
            gain = np.isin(group, targets).astype(np.float32)
            if taught and not gain.any():
                continue
            columns = self.columns(seen, group, retrieved)
            names = tuple(columns)
            blocks.append(np.column_stack(list(columns.values())).astype(np.float32))
            found.append(group)
            gains.append(gain)
            if len(found) == batch:
                yield table()
                blocks, found, gains = [], [], []
        if found:
            yield table()

    def learn(self, task: Task, trees: TreeOptions) -> dict[str, Fusion]:
        """Return the fusions, learnt from what the shoppers of a task had next."""
        table, _, gains = next(self.tables(task, len(task.histories), taught=True))
        voters = tuple(f"score.{name}" for name in self.retrievers)
        columns = [name for name in table.names if name.startswith("score.")]
        return {
            "vote": Vote(voters),
            "weighted": Weighted.fit(table, gains, columns),
            "lambdamart": LambdaMart.fit(table, gains, trees),
        }

    def lists(
        self, task: Task, fusions: Mapping[str, Fusion], k: int
    ) -> dict[str, list[NDArray[np.intp]]]:
        """Return the k best items of each shopper by each fusion."""
        lists: dict[str, list[NDArray[np.intp]]] = {name: [] for name in fusions}
        for table, found, _ in self.tables(task, _BATCH):
            for name, fusion in fusions.items():
                placed = ranks(table, fusion.fuse(table))
                first = placed < k
                order = np.lexsort((placed[first], table.group[first]))
                ends = np.cumsum(np.minimum(table.sizes, k))[:-1]
                lists[name] += np.split(found[first][order].astype(np.intp), ends)
        return lists
