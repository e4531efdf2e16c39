"""Learnt order on a set of human judgements, by folds over the queries.

What is learnt with is the product's own: its features, its fusions, their options. A query is in
one fold, so that nothing that is measured was learnt from. A learner reorders the first of the
engine's list, as the last stage of a cascade does; how many is chosen on folds of the queries that
are learnt from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.judged import CATALOGUE, JUDGED, Systems
from search_rerank.engines.base import Retrieve
from search_rerank.evaluation.compare import paired_test
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.cascade import Cascade, Learn, Plan
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.weighted import Weighted
from search_rerank.query import Candidates, Query
from search_rerank.state.memory import MemoryState

FOLDS = 5
SEEDS = (0, 1, 2)
"""Of the folds: the value of a query is its mean over these."""
KIND = "embedded"
"""The engine whose candidates are ordered anew."""
TREES = TreeOptions(
    trees=150,
    leaves=5,
    learning_rate=0.05,
    min_rows=40,
    validation=0.0,
    features=0.25,
    rows=0.7,
    reg=10.0,
    threads=1,
)
"""Small trees, and all of them: a tenth of a hundred queries cannot say when to stop."""
SIZES = (20, 30, 50, 100)
INNER = 3
"""How many of a retrieved list are reordered, and the folds that choose among these."""
OPINIONS = (
    "query.engine_score",
    "query.lexical",
    "query.vector",
    "match.title_share",
    "match.title_rarity",
    "match.title_covered",
    "match.title_pairs",
    "match.text_share",
    "match.text_rarity",
    "match.digits",
    "match.brand_covered",
    "match.brand_rarity",
    "match.other_rarity",
    "neighbourhood.vector",
    "neighbourhood.vector_of_all",
    "neighbourhood.words",
    "neighbourhood.brand",
    "neighbourhood.category",
    "neighbourhood.department",
)
"""The columns that are weighed: higher is better in each."""
ENGINE = Plan(lambda *_: Weighted(("query.engine_score",), (1.0,)))
"""The first stage: the order as it was."""

Ask = Callable[[Retrieve, Sequence[str]], Candidates]
"""A request and the ids that were judged in, the candidates that are to be ordered out."""


@dataclass(frozen=True)
class Task:
    """Lists to be ordered anew.

    Parameters
    ----------
    name
        What its measures begin with.
    measures
        What is measured; the first is compared.
    table, gains
        The features of the candidates, and float32 (n,) what each is worth.
    missed
        For each query the gains of what is not among its candidates.
    sizes
        How many of a list may be reordered, None for all.
    """

    name: str
    measures: Sequence[str]
    table: FeatureTable
    gains: NDArray[np.float32]
    missed: Sequence[Sequence[float]]
    sizes: Sequence[int | None]

    def only(self, keep: NDArray[np.bool_]) -> Task:
        """Return the queries whose rows are all under a mask (n,); of the others none may be."""
        kept = self.table.rows(keep)
        table = FeatureTable(kept.names, kept.X, np.unique(kept.offsets), kept.engine_rank)
        missed = [self.missed[n] for n in np.flatnonzero(kept.sizes).tolist()]
        return replace(self, table=table, gains=self.gains[keep], missed=missed)

    def values(self, scores: NDArray[np.floating], measure: str) -> NDArray[np.float64]:
        """Return one value a query."""
        table = self.table
        ranked = Grouped.ranked(self.gains, scores, table.engine_rank, table.offsets, self.missed)
        return parse_measure(measure).values(ranked)


def weighted(table: FeatureTable, gains: NDArray[np.float32], *_: object) -> Fusion:
    """Learn a weighted sum of opinions."""
    return Weighted.fit(table, gains, OPINIONS, "z_score")


def lambdamart(table: FeatureTable, gains: NDArray[np.float32], *_: object) -> Fusion:
    """Learn trees from nothing."""
    return LambdaMart.fit(table, gains, TREES)


LEARNERS: Mapping[str, Learn] = {
    "weighted": weighted,
    "lambdamart": lambdamart,
}


def learned(systems: Systems, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return a row for the engine's order and for each learner, then what they differ by."""
    rows: dict[str, dict[str, Any]] = {}
    differences: list[dict[str, Any]] = []
    for task in (_retrieved(systems), _judged(systems)):
        engine = -task.table.engine_rank.astype(np.float64)
        own = {measure: task.values(engine, measure) for measure in task.measures}
        _add(rows, "hybrid", task, own)
        sizes = {seed: _sizes(task, seed) for seed in SEEDS}
        for name, learn in LEARNERS.items():
            scores = [_out_of_fold(task, learn, seed, of) for seed, of in sizes.items()]
            values = {
                measure: np.mean([task.values(of, measure) for of in scores], axis=0)
                for measure in task.measures
            }
            _add(rows, name, task, values)
            measure = task.measures[0]
            test = paired_test(values[measure], own[measure], rng)
            differences.append(
                {
                    "system": f"{name} minus hybrid",
                    f"{task.name}{measure}": test.mean,
                    "ci95": test.ci95,
                    "p_value": test.p,
                }
            )
    return [*rows.values(), *differences]


def learned_protocol(about: str) -> str:
    """Return what is measured, in words, from what is said of the engine alone."""
    return about.partition("; judged@10")[0].replace(
        "no learning",
        f"learnt on the other four of {FOLDS} folds over the queries, mean of {len(SEEDS)} seeds "
        f"of the folds; how many of a retrieved list are reordered is chosen on {INNER} folds of "
        "those four, a judged list is reordered whole",
    )


def _add(
    rows: dict[str, dict[str, Any]],
    system: str,
    task: Task,
    values: Mapping[str, NDArray[np.float64]],
) -> None:
    row = rows.setdefault(system, {"system": system})
    row |= {f"{task.name}{measure}": float(of.mean()) for measure, of in values.items()}


def _out_of_fold(
    task: Task, learn: Learn, seed: int, sizes: Sequence[int | None]
) -> NDArray[np.float64]:
    """Return the score of each row by what was learnt without its query's fold, float64 (n,).

    Parameters
    ----------
    sizes
        One a fold: how many of each list are reordered.
    """
    scores = np.empty(len(task.table))
    for tested, size in zip(_folds(task, FOLDS, seed), sizes, strict=True):
        learnt = task.only(~tested)
        fusion = Cascade.grow(learnt.table, learnt.gains, (ENGINE, Plan(learn, size)))
        scores[tested] = fusion.fuse(task.only(tested).table)
    return scores


def _sizes(task: Task, seed: int) -> Sequence[int | None]:
    """Return the size that is best for a weighted sum on inner folds, for each fold."""
    if len(task.sizes) == 1:
        return [task.sizes[0]] * FOLDS
    best = []
    for tested in _folds(task, FOLDS, seed):
        learnt = task.only(~tested)
        found = {
            size: learnt.values(_by_inner_folds(learnt, size, seed), learnt.measures[0]).mean()
            for size in task.sizes
        }
        best.append(max(found, key=found.__getitem__))
    return best


def _by_inner_folds(task: Task, size: int | None, seed: int) -> NDArray[np.float64]:
    scores = np.empty(len(task.table))
    for tested in _folds(task, INNER, seed):
        learnt = task.only(~tested)
        fusion = Cascade.grow(learnt.table, learnt.gains, (ENGINE, Plan(weighted, size)))
        scores[tested] = fusion.fuse(task.only(tested).table)
    return scores


def _folds(task: Task, n: int, seed: int) -> list[NDArray[np.bool_]]:
    """Return for each fold of the queries which rows are its own."""
    sizes = task.table.sizes
    fold = np.random.default_rng(seed).permutation(len(sizes)) % n
    return [np.repeat(fold == one, sizes) for one in range(n)]


def _retrieved(systems: Systems) -> Task:
    engine, version = systems.engines[KIND, "hybrid"]
    return _task(
        systems, "", CATALOGUE, SIZES, lambda request, _: engine.retrieve(request, version)
    )


def _judged(systems: Systems) -> Task:
    engine, version = systems.engines[KIND, "hybrid"]
    return _task(
        systems,
        "judged_",
        JUDGED[::-1],
        (None,),
        lambda request, ids: engine.score(request, ids, version),
    )


def _task(
    systems: Systems, name: str, measures: Sequence[str], sizes: Sequence[int | None], ask: Ask
) -> Task:
    """Compute the features of the candidates of every query with a gain; nobody asked before."""
    state = MemoryState({})
    builder = FeatureBuilder(systems.catalogue, ())
    tables, gains, missed = [], [], []
    for n, query in enumerate(systems.queries):
        worth = systems.judgements.gains[query]
        if max(worth.values()) == 0:
            continue
        found = ask(systems.request(n, "hybrid"), list(worth))
        moment = read_moment(Query(query), found, systems.catalogue, state, {}, 0)
        tables.append(builder.build(moment)[0])
        gains += [worth.get(id_, 0.0) for id_ in found.ids]
        there = set(found.ids)
        missed.append([gain for id_, gain in worth.items() if id_ not in there])
    return Task(
        name,
        measures,
        FeatureTable.concat(tables),
        np.array(gains, dtype=np.float32),
        missed,
        sizes,
    )
