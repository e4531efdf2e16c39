"""Which of several fusions is best on queries that none of them learnt from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.compare import paired_test
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.features.table import FeatureTable

MEASURE = "nDCG@10"
SIMPLE_FIRST = ("vote", "weighted", "lambdamart", "cascade")
"""Of fusions that are equally good the simplest is chosen."""


@dataclass(frozen=True)
class Trial:
    """One fusion on the held-out queries.

    Parameters
    ----------
    fusion
        Its name.
    options
        What else was to be chosen: the kind of a vote, the scaling of a weighted sum.
    value
        Mean nDCG@10.
    minus_best, ci95, p
        The mean difference to the best trial, its 95 % interval and the p-value of no difference
        (paired, over shoppers); 0 and 1 for the best itself.
    """

    fusion: str
    options: str
    value: float
    minus_best: float
    ci95: tuple[float, float]
    p: float


@dataclass(frozen=True)
class Selection:
    """What serves, and why.

    Parameters
    ----------
    chosen
        Name of the fusion that serves.
    queries
        How many queries were held out; 0 where there was nothing to choose, or too little to
        choose on.
    trials
        One a fusion and option, the best first.
    reason
        Why it serves, where it is not that it is the best of the trials.
    """

    chosen: str
    queries: int = 0
    trials: tuple[Trial, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """Rebuild what `as_json` returned."""
        trials = (Trial(**{**one, "ci95": tuple(one["ci95"])}) for one in row["trials"])
        return cls(row["chosen"], row["queries"], tuple(trials), row["reason"])

    def lines(self) -> list[str]:
        """Return the comparison as lines of text, the choice last."""
        found = [
            f"{trial.fusion:<11} {trial.options:<11} {MEASURE} {trial.value:.4f}"
            f"  minus best {trial.minus_best:+.4f} [{trial.ci95[0]:+.4f}, {trial.ci95[1]:+.4f}]"
            f"  p {trial.p:.4f}"
            for trial in self.trials
        ]
        why = self.reason or f"the best on {self.queries:,} held-out queries"
        return [*found, f"{self.chosen} serves: {why}"]


@dataclass(frozen=True)
class Held:
    """Queries that were held out.

    Parameters
    ----------
    table, gains
        Their rows, float32 (n,) gains.
    missed
        For each group the gains of what was taken and is not among its rows.
    shoppers
        For each group who asked.
    weights
        float64 (g,), how much each group counts; None for all alike.
    """

    table: FeatureTable
    gains: NDArray[np.float32]
    missed: Sequence[Sequence[float]]
    shoppers: Sequence[Hashable]
    weights: NDArray[np.float64] | None = None

    def values(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return nDCG@10 of each group, float64 (g,), weighted so that the mean stays one."""
        table = self.table
        ranked = Grouped.ranked(self.gains, scores, table.engine_rank, table.offsets, self.missed)
        values = parse_measure(MEASURE).values(ranked)
        return values if self.weights is None else values * self.weights / self.weights.mean()


def trials(
    held: Held, scores: Mapping[tuple[str, str], NDArray[np.floating]], seed: int
) -> tuple[Trial, ...]:
    """Compare fusions on held-out queries, best first.

    Parameters
    ----------
    scores
        (fusion, options) to its scores (n,).
    """
    values = {key: held.values(scored) for key, scored in scores.items()}
    simple = {name: place for place, name in enumerate(SIMPLE_FIRST)}
    order = sorted(values, key=lambda key: (-values[key].mean(), simple[key[0]], key[1]))
    best = values[order[0]]
    found = []
    for key in order:
        test = paired_test(values[key], best, np.random.default_rng(seed), held.shoppers)
        ci95 = (round(test.ci95[0], 6), round(test.ci95[1], 6))
        mean = round(float(values[key].mean()), 6)
        found.append(Trial(*key, mean, round(test.mean, 6), ci95, round(test.p, 6)))
    return tuple(found)
