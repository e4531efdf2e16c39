"""One table on the held-out time: the engine's order, every scorer alone, every fusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.compare import bootstrap_ci, paired_test
from search_rerank.evaluation.measures import Grouped, parse_measure
from search_rerank.features.table import FeatureTable
from search_rerank.fusion import FUSIONS
from search_rerank.fusion.base import Fusion
from search_rerank.replay import Replayed
from search_rerank.training import Progress, Shop, as_of, cuts, quiet, replayed, spread, tasks

MEASURES = ("nDCG@10", "MRR", "HR@10")
RETRIEVED = "recall@200"
"""Of the retrieval: only where candidates come from the whole catalogue."""
_FIRST = MEASURES[0]

Row = dict[str, object]
Scores = Callable[[FeatureTable], NDArray[np.floating]]


@dataclass
class _System:
    """One row in the making: its scores, and its measures group by group."""

    scores: Scores
    alone: bool
    values: dict[str, list[NDArray[np.float64]]] = field(default_factory=dict)

    def of(self, measure: str) -> NDArray[np.float64]:
        return np.concatenate(self.values[measure])


def evaluate(
    shop: Shop, fusions: Mapping[str, Mapping[str, Fusion]], progress: Progress = quiet
) -> list[Row]:
    """Return a row a system on the queries after the test cut.

    Parameters
    ----------
    shop
        The data; scorers are fitted on what lies before the test cut, and the index is boosted by
        it.
    fusions
        What `search_rerank.training.train` learnt before the test cut.

    Returns
    -------
    list of dict
        `system`, the measures, `ci95` of nDCG@10 over queries (a bootstrap over shoppers),
        `p_vs_best_single` (paired randomisation test), `queries`; the cascade has
        `minus_weighted` with mean, `ci95` and p. A relevant item that is not among the candidates
        counts as missed. Ties of a scorer alone are broken at random (seeded), those of a fusion
        by the engine's order.
    """
    config = shop.config.training
    cut = cuts(shop.events, config)
    rows: list[Row] = []
    with as_of(shop, cut.test) as replay:
        for prefix, occasions in tasks(shop, cut.test, cut.end).items():
            systems = _systems(shop, fusions[prefix])
            chosen = spread(occasions, config.max_test_rankings)
            shoppers: list[str] = []
            rng = np.random.default_rng(config.seed)
            what = f"{prefix or 'test '}queries".replace("_", " ")
            for part in replayed(replay, shop, chosen, cut.test, progress, what):
                _measure(systems, part, rng)
                shoppers += part.shoppers
            if shoppers:
                whole = any(occasion.asked is None for occasion in chosen)
                rows += _rows(prefix, systems, shoppers, whole, config.seed)
    return rows


def protocol(shop: Shop) -> str:
    """Return in words what was held out and how it was ranked."""
    cut = cuts(shop.events, shop.config.training)
    day = datetime.fromtimestamp(cut.test / 1000, UTC).date().isoformat()
    state = "state grows with the log" if shop.live else "state frozen at the cut"
    asks = (
        "each query with an interaction, candidates from the whole catalogue"
        if shop.dataset.query_items is None
        else "each interaction of a known user with a known item, once for every query that holds "
        "it: the query's unseen items ranked; e2e rows: the query's text, unseen items of the "
        f"whole catalogue, first {shop.config.retrieval.k}"
    )
    return (
        f"{shop.dataset.name}: global time cut at the {shop.config.training.test_quantile:g} "
        f"quantile of interaction times ({day}), {state}; {asks}; no sampled negatives"
    )


def _systems(shop: Shop, fusions: Mapping[str, Fusion]) -> dict[str, _System]:
    found = {"engine": _System(lambda table: -table.engine_rank.astype(np.float64), False)}
    for scorer in shop.config.scorers:
        column = f"score.{scorer.name}"
        found[scorer.name] = _System(lambda table, column=column: table.column(column), True)  # type: ignore[misc]
    for name in FUSIONS:  # a new fusion is a row without a change here
        if name in fusions:
            found[name] = _System(fusions[name].fuse, False)
    return found


def _measure(systems: Mapping[str, _System], part: Replayed, rng: np.random.Generator) -> None:
    table = part.table
    chance = rng.permutation(len(table))
    for system in systems.values():
        scores = system.scores(table).astype(np.float64)
        ties = chance if system.alone else table.engine_rank
        ranked = Grouped.ranked(part.gains, scores, ties, table.offsets, part.missed)
        for name in (*MEASURES, RETRIEVED):
            system.values.setdefault(name, []).append(parse_measure(name).values(ranked))


def _rows(
    prefix: str,
    systems: Mapping[str, _System],
    shoppers: Sequence[str],
    whole_catalogue: bool,
    seed: int,
) -> list[Row]:
    single = [name for name, system in systems.items() if system.alone]
    best = max(single, key=lambda name: systems[name].of(_FIRST).mean(), default="engine")
    reference = systems[best].of(_FIRST)
    rows = []
    for name, system in systems.items():
        values = system.of(_FIRST)
        low, high = bootstrap_ci(values, np.random.default_rng(seed), clusters=shoppers)
        row: Row = {"system": prefix + name}
        row |= {measure: round(float(system.of(measure).mean()), 6) for measure in MEASURES}
        if whole_catalogue:
            row[RETRIEVED] = round(float(system.of(RETRIEVED).mean()), 6)
        row |= {"ci95": [round(low, 6), round(high, 6)], "queries": len(values)}
        rng = np.random.default_rng(seed)
        row["p_vs_best_single"] = paired_test(values, reference, rng, shoppers).p  # itself: 1
        if name == best:
            row["best_single"] = True
        if name == "cascade":
            test = paired_test(
                values, systems["weighted"].of(_FIRST), np.random.default_rng(seed), shoppers
            )
            row["minus_weighted"] = {
                "mean": round(test.mean, 6),
                "ci95": [round(bound, 6) for bound in test.ci95],
                "p": test.p,
            }
        rows.append(row)
    return rows
