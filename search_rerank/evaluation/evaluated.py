"""What an evaluation found, query by query: what tables, tests, slices and lists are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.compare import bootstrap_ci, paired_test
from search_rerank.evaluation.correction import corrected
from search_rerank.evaluation.power import detectable
from search_rerank.occasions import Occasion
from search_rerank.replay import Replayed

MEASURES = ("nDCG@10", "MRR", "HR@10")
RETRIEVED = "recall@200"
"""Of the retrieval: only where candidates come from the whole catalogue."""
FIRST = MEASURES[0]
"""What systems are compared by."""
WEIGHTED = "weighted"
"""The fusion that the cascade must beat to be worth its trees."""

Row = dict[str, object]


@dataclass(frozen=True)
class Evaluated:
    """One task: what each system did with each of q queries.

    Parameters
    ----------
    prefix
        Of the task's rows in tables: empty, or `e2e_` beside a protocol that fixes the candidates.
    values
        System to measure to float64 (q,), systems in the order of the table.
    singles
        The systems that are one scorer alone.
    occasions
        What was asked by whom, and the gain of each item that was taken, found or not.
    history
        int64 (q,), interactions of the shopper that the state held when the query was asked.
    demand
        int64 (q,), searches for the same query text before the cut.
    lists
        System to int32 (q, depth): the first items of its order by their number in the catalogue,
        -1 past the end of a list.
    sample
        The feature rows of some queries, spread evenly.
    sampled
        int64, the numbers of those queries.
    scores
        System to its score of each row of the sample, float64 (n,), NaN for no opinion.
    whole_catalogue
        Whether candidates came from the whole catalogue, so that retrieval can miss.
    seed
        Of the draws of intervals and tests.
    """

    prefix: str
    values: Mapping[str, Mapping[str, NDArray[np.float64]]]
    singles: Sequence[str]
    occasions: Sequence[Occasion]
    history: NDArray[np.int64]
    demand: NDArray[np.int64]
    lists: Mapping[str, NDArray[np.int32]]
    sample: Replayed
    sampled: NDArray[np.int64]
    scores: Mapping[str, NDArray[np.float64]]
    whole_catalogue: bool
    seed: int

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems in the order of the table."""
        return tuple(self.values)

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that say something of this task, in the order of the table."""
        taken = next(iter(self.values.values()))
        return tuple(name for name in taken if name != RETRIEVED or self.whole_catalogue)

    @property
    def shoppers(self) -> list[str]:
        """Who asked each query, for intervals that respect repeated shoppers."""
        return [one.query.user or one.query.session or "" for one in self.occasions]

    @property
    def best_single(self) -> str:
        """The scorer with the highest mean; the engine where there is no scorer."""
        means = {name: self.of(name).mean() for name in self.singles}
        return max(means, key=lambda name: means[name], default="engine")

    def of(self, system: str, measure: str = FIRST) -> NDArray[np.float64]:
        """Return one system's measure query by query, float64 (q,)."""
        return self.values[system][measure]

    def rows(self) -> list[Row]:
        """Return a table row a system.

        `system`, the measures, `ci95` of nDCG@10 over queries (a bootstrap over shoppers),
        `p_vs_best_single` (paired randomisation test), the same corrected for the number of systems
        as `p_holm`, `detectable` (the smallest difference to the best single scorer that these
        queries would show), `queries`; the cascade has `minus_weighted` with mean, `ci95` and p.
        """
        shoppers, best = self.shoppers, self.best_single
        p = {
            name: paired_test(self.of(name), self.of(best), self._rng(), shoppers).p
            for name in self.systems  # itself: 1
        }
        others = [name for name in self.systems if name != best]
        holm = dict(zip(others, corrected([p[name] for name in others]), strict=True))
        rows = []
        for name in self.systems:
            row = self._measured(name, shoppers) | {"p_vs_best_single": p[name]}
            if name == best:
                row["best_single"] = True
            else:
                row["p_holm"] = holm[name]
                if len(set(shoppers)) > 1:
                    least = detectable(self.of(name), self.of(best), shoppers)
                    row["detectable"] = round(least, 6)
            if name == "cascade":
                row["minus_weighted"] = self._minus_weighted(name, shoppers)
            rows.append(row)
        return rows

    def _measured(self, name: str, shoppers: Sequence[str]) -> Row:
        low, high = bootstrap_ci(self.of(name), self._rng(), clusters=shoppers)
        row: Row = {"system": self.prefix + name}
        for measure in self.measures:
            row[measure] = round(float(self.of(name, measure).mean()), 6)
        return row | {"ci95": [round(low, 6), round(high, 6)], "queries": len(self.of(name))}

    def _minus_weighted(self, name: str, shoppers: Sequence[str]) -> Row:
        test = paired_test(self.of(name), self.of(WEIGHTED), self._rng(), shoppers)
        ci95 = [round(bound, 6) for bound in test.ci95]
        return {"mean": round(test.mean, 6), "ci95": ci95, "p": test.p}

    def _rng(self) -> np.random.Generator:
        """Each figure has draws of its own, so that one more figure changes no other."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True)
class Evaluation:
    """All tasks of a data set, by the prefix of their rows; a task without queries is left out."""

    tasks: Mapping[str, Evaluated]

    @property
    def serving(self) -> Evaluated:
        """The task that is most like serving: searching the whole catalogue."""
        return self.tasks.get("e2e_") or self.tasks[""]

    def rows(self) -> list[Row]:
        """Return the table of all tasks; see `Evaluated.rows`."""
        return [row for task in self.tasks.values() for row in task.rows()]
