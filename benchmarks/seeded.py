"""Systems measured query by query under several seeds: a mean, its interval, and the spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.compare import bootstrap_ci, paired_test
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.features.table import FeatureTable
from search_rerank.replay import Replayed

Scores = Callable[[FeatureTable], NDArray[np.floating]]
MEASURES = ("nDCG@10", "MRR", "HR@10")
RETRIEVED = "recall@200"
_MAIN = MEASURES[0]
_DRAWS = 0
"""Seed of the intervals and tests."""


class Seeded:
    """Collects the measures of systems, the replayed rows coming in parts.

    Parameters
    ----------
    systems
        Name to the scores under each seed; ties go by the engine's order.
    alone
        The systems whose ties are broken at random, by the seed.
    """

    def __init__(
        self, systems: Mapping[str, Sequence[Scores]], alone: frozenset[str] = frozenset()
    ) -> None:
        self._systems = systems
        self._alone = alone
        self._values: dict[str, list[dict[str, list[NDArray[np.float64]]]]] = {
            name: [{measure: [] for measure in (*MEASURES, RETRIEVED)} for _ in seeds]
            for name, seeds in systems.items()
        }
        self._chance = [np.random.default_rng(seed) for seed in range(len(_longest(systems)))]
        self._shoppers: list[str] = []

    def add(self, part: Replayed) -> None:
        """Measure every system on some queries."""
        table = part.table
        chances = [rng.permutation(len(table)) for rng in self._chance]
        for name, seeds in self._systems.items():
            known: dict[int, NDArray[np.float64]] = {}  # the same under every seed: asked once
            for seed, scores in enumerate(seeds):
                if id(scores) not in known:
                    known[id(scores)] = np.asarray(scores(table), dtype=np.float64)
                ties = chances[seed] if name in self._alone else table.engine_rank
                ranked = Grouped.ranked(
                    part.gains, known[id(scores)], ties, table.offsets, part.missed
                )
                for measure, values in self._values[name][seed].items():
                    values.append(parse_measure(measure).values(ranked))
        self._shoppers += part.shoppers

    def of(self, name: str, measure: str = _MAIN) -> NDArray[np.float64]:
        """Return a system's measure under each seed, float64 (seeds, queries)."""
        return np.stack([np.concatenate(seed[measure]) for seed in self._values[name]])

    def rows(self, named: str = "{}", retrieval: bool = False) -> list[dict[str, Any]]:
        """Return a row a system: means over seeds and queries, and how far the seeds lie apart.

        `spread` is the largest less the smallest nDCG@10 of a seed; `ci95` that of the mean over
        seeds, the shoppers being drawn.
        """
        rows = []
        for name in self._systems:
            asked = (*MEASURES, RETRIEVED) if retrieval else MEASURES
            found = {measure: self.of(name, measure) for measure in asked}
            rows.append(row_of(named.format(name), found, self._shoppers))
        return rows

    def minus(self, name: str, other: str) -> dict[str, Any]:
        """Return the paired difference in nDCG@10 of the means over seeds, its interval and p."""
        test = paired_test(
            self.of(name).mean(axis=0),
            self.of(other).mean(axis=0),
            np.random.default_rng(_DRAWS),
            self._shoppers,
        )
        return {"mean": test.mean, "ci95": list(test.ci95), "p": test.p}


def row_of(
    name: str, found: Mapping[str, NDArray[np.float64]], shoppers: Sequence[str]
) -> dict[str, Any]:
    """Return the row of one system; `found` is measure to float64 (seeds, queries), the main first.

    See `Seeded.rows`.
    """
    main = next(iter(found.values()))
    ci95 = bootstrap_ci(main.mean(axis=0), np.random.default_rng(_DRAWS), clusters=shoppers)
    row: dict[str, Any] = {"system": name}
    row |= {measure: float(values.mean()) for measure, values in found.items()}
    row |= {"ci95": list(ci95), "spread": float(np.ptp(main.mean(axis=1)))}
    return row | {"seeds": len(main), "queries": main.shape[1]}


def _longest(systems: Mapping[str, Sequence[Scores]]) -> Sequence[Scores]:
    return max(systems.values(), key=len, default=())
