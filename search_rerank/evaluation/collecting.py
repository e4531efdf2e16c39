"""Replayed rows taken in part by part: measures and first places are kept, rows are let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.evaluated import MEASURES, RETRIEVED
from search_rerank.evaluation.grouped import Grouped, ranking
from search_rerank.evaluation.measures import Measure, parse_measure
from search_rerank.features.table import FeatureTable
from search_rerank.replay import Replayed

SAMPLED = 500
"""Queries whose feature rows are kept."""


@dataclass(frozen=True)
class System:
    """Something that orders candidates.

    Parameters
    ----------
    scores
        Feature table to one number a row; higher is better, NaN last.
    alone
        Whether it is one scorer, whose ties are broken by chance: the engine's order is no merit
        of it.
    then
        Rows and their scores to the scores that count; None for those themselves.
    """

    scores: Callable[[FeatureTable], NDArray[np.floating]]
    alone: bool = False
    then: Callable[[Replayed, NDArray[np.float64]], NDArray[np.float64]] | None = None


class Collected:
    """What is kept of the parts of a replay.

    Parameters
    ----------
    systems
        Name to system.
    n_queries
        How many queries will come.
    depth
        First places of each list to keep.
    measures
        To take beside those that every table has.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        n_queries: int,
        depth: int,
        measures: Sequence[Measure] = (),
    ) -> None:
        self.systems = systems
        usual = [parse_measure(name) for name in (*MEASURES, RETRIEVED)]
        self._measures = [*usual, *(one for one in measures if one not in usual)]
        self._values: dict[str, dict[str, NDArray[np.float64]]] = {
            name: {str(measure): np.zeros(n_queries) for measure in self._measures}
            for name in systems
        }
        self._lists = {name: np.full((n_queries, depth), -1, dtype=np.int32) for name in systems}
        self._sampled = np.linspace(0, n_queries - 1, min(SAMPLED, n_queries)).astype(np.int64)
        self._wanted = np.zeros(n_queries, dtype=bool)
        self._wanted[self._sampled] = True
        self._sample: list[Replayed] = []
        self._scores: dict[str, list[NDArray[np.float64]]] = {name: [] for name in systems}
        self._done = 0

    def add(self, part: Replayed, rng: np.random.Generator) -> None:
        """Take in the next queries; ties of single scorers are drawn from `rng`."""
        table = part.table
        chance = rng.permutation(len(table))
        block = slice(self._done, self._done + len(part.occasions))
        kept = np.repeat(self._wanted[block], table.sizes)
        for name, system in self.systems.items():
            scores = system.scores(table).astype(np.float64)
            if system.then is not None:
                scores = system.then(part, scores)
            ties = chance if system.alone else table.engine_rank
            ranked = Grouped.ranked(part.gains, scores, ties, table.offsets, part.missed)
            for measure in self._measures:
                self._values[name][str(measure)][block] = measure.values(ranked)
            _fill(self._lists[name][block], table, part.items, scores, ties)
            self._scores[name].append(scores[kept])
        self._sample.append(_groups(part, self._wanted[block]))
        self._done = block.stop

    def values(self) -> dict[str, dict[str, NDArray[np.float64]]]:
        """Return system to measure to float64 (q,)."""
        return self._values

    def lists(self) -> dict[str, NDArray[np.int32]]:
        """Return system to int32 (q, depth), item numbers by place, -1 past the end of a list."""
        return self._lists

    def sample(self) -> Replayed:
        """Return the rows of the queries that are kept."""
        return Replayed.concat(self._sample)

    def sampled(self) -> NDArray[np.int64]:
        """Return the numbers of those queries."""
        return self._sampled

    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Return system to its score of each of those rows, float64 (n,)."""
        return {name: np.concatenate(parts) for name, parts in self._scores.items()}


def _fill(
    lists: NDArray[np.int32],
    table: FeatureTable,
    items: NDArray[np.int32],
    scores: NDArray[np.float64],
    ties: NDArray[np.integer],
) -> None:
    """Write the first items of each group into its row of `lists`, (g, depth)."""
    group = table.group
    order = ranking(scores, ties, table.offsets)
    place = np.arange(len(table)) - table.offsets[group]
    first = place < lists.shape[1]
    lists[group[first], place[first]] = items[order[first]]


def _groups(part: Replayed, kept: NDArray[np.bool_]) -> Replayed:
    """Return the groups under a boolean mask (g,)."""
    table = part.table
    rows = np.repeat(kept, table.sizes)
    chosen = np.flatnonzero(kept).tolist()
    return Replayed(
        replace(table.rows(rows), offsets=np.concatenate([[0], np.cumsum(table.sizes[kept])])),
        part.gains[rows],
        [part.missed[n] for n in chosen],
        [part.occasions[n] for n in chosen],
        part.items[rows],
        part.places[rows],
    )
