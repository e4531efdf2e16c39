"""Fusion of scorers that rank a whole catalogue: candidates, their feature table, the fusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.full_ranking import Task, best
from search_rerank.data.history import History
from search_rerank.errors import DataError
from search_rerank.features.arrays import constant, places
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.vote import Vote
from search_rerank.fusion.weighted import Weighted
from search_rerank.scorers.base import Representation, Scorer

Numbers = NDArray[np.int32]
Columns = dict[str, NDArray[np.float32]]
Best = NDArray[np.intp]
Lists = dict[str, Best]

_PRODUCTS = 64
"""Shoppers whose inner products with all items are in memory at a time."""
_BATCH = 500
"""Shoppers whose table is in memory at a time where nothing is learnt from it."""


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

    def retrieved(
        self, shoppers: Sequence[Numbers], n_items: int
    ) -> Iterator[tuple[Numbers, Columns, Lists]]:
        """Yield each shopper's candidates, their scores by the retrievers, and whose they are.

        Candidates stand in the order of their best place in a retriever's list; of equal places
        that of the retriever named first comes first.
        """
        scored = [self._scored(self.scorers[name], shoppers, n_items) for name in self.retrievers]
        for seen, *scores in zip(shoppers, *scored, strict=True):
            whole = dict(zip(self.retrievers, scores, strict=True))
            lists = {name: best(one, seen, self.depth) for name, one in whole.items()}
            places = np.concatenate([np.arange(len(one)) for one in lists.values()])
            merged = np.concatenate(list(lists.values()))[np.argsort(places, kind="stable")]
            _, first = np.unique(merged, return_index=True)
            found = merged[np.sort(first)].astype(np.int32)
            yield found, {name: one[found] for name, one in whole.items()}, lists

    @staticmethod
    def _scored(
        scorer: Scorer, shoppers: Sequence[Numbers], n_items: int
    ) -> Iterator[NDArray[np.float32]]:
        """Yield each shopper's scores of all items, float32 (n_items,)."""
        if not isinstance(scorer, Representation):
            items = np.arange(n_items, dtype=np.int32)
            for seen in shoppers:
                yield scorer.score(History.of(seen), items)
            return
        vectors = scorer.item_vectors()
        unknown = ~vectors.any(axis=1)
        for start in range(0, len(shoppers), _PRODUCTS):  # one product for many is far quicker
            some = [
                scorer.history_vector(History.of(seen)) for seen in shoppers[start:][:_PRODUCTS]
            ]
            scores = np.stack(some) @ vectors.T
            scores[:, unknown] = np.nan
            yield from scores

    def columns(self, seen: Numbers, found: Numbers, retrieved: Columns) -> Columns:
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
        columns |= {
            f"score.{name}_place": places(values[None])[0] for name, values in retrieved.items()
        }
        columns["user.interactions"] = constant(len(seen), len(found))
        columns["query.engine_rank"] = np.arange(len(found), dtype=np.float32)
        return columns

    def learn(self, task: Task, trees: TreeOptions) -> dict[str, Fusion]:
        """Return the fusions, learnt from what the shoppers of a task had next.

        Raises
        ------
        DataError
            Where the candidates of fewer than two shoppers hold what they had.
        """
        groups, gains = [], []
        all_retrieved = self.retrieved(task.histories, len(task.catalogue))
        for seen, targets, (found, retrieved, _) in zip(
            task.histories, task.targets, all_retrieved, strict=True
        ):
            gain = np.isin(found, targets).astype(np.float32)
            if gain.any():  # others teach nothing
                groups.append(self.columns(seen, found, retrieved))
                gains.append(gain)
        if not groups:
            raise DataError(
                f"expected shoppers who had one of the {self.depth} best of a scorer next, found "
                f"none among {len(task.histories)}: give more shoppers"
            )
        table, gain = table_of(groups), np.concatenate(gains)
        opinions = [name for name in table.names if name.startswith("score.")]
        return {
            "vote": Vote(tuple(f"score.{name}" for name in self.retrievers)),
            "weighted": Weighted.fit(table, gain, opinions),
            "lambdamart": LambdaMart.fit(table, gain, trees),
        }

    def lists(self, task: Task, fusions: Mapping[str, Fusion], k: int) -> dict[str, list[Best]]:
        """Return the k best items of each shopper by each retriever and by each fusion."""
        lists: dict[str, list[Best]] = {name: [] for name in (*self.retrievers, *fusions)}
        for start in range(0, len(task.histories), _BATCH):
            groups, candidates = [], []
            shoppers = task.histories[start : start + _BATCH]
            all_retrieved = self.retrieved(shoppers, len(task.catalogue))
            for seen, (found, retrieved, own) in zip(shoppers, all_retrieved, strict=True):
                groups.append(self.columns(seen, found, retrieved))
                candidates.append(found)
                for name, one in own.items():
                    lists[name].append(one[:k])
            table = table_of(groups)
            for name, fusion in fusions.items():
                placed = np.split(ranks(table, fusion.fuse(table)), table.offsets[1:-1])
                lists[name] += [
                    found[np.argsort(place)[:k]].astype(np.intp)
                    for found, place in zip(candidates, placed, strict=True)
                ]
        return lists


def table_of(groups: Sequence[Columns]) -> FeatureTable:
    """Return the columns of several shoppers as one table, a group each."""
    blocks = [np.column_stack(list(columns.values())) for columns in groups]
    sizes = [len(block) for block in blocks]
    return FeatureTable(
        names=tuple(groups[0]),
        X=np.concatenate(blocks).astype(np.float32, copy=False),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        engine_rank=np.concatenate([np.arange(size, dtype=np.int32) for size in sizes]),
    )
