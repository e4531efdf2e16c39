"""Every system on the held-out time: the engine's order, every scorer alone, every fusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from search_rerank.evaluation.collecting import Collected, System
from search_rerank.evaluation.evaluated import Evaluated, Evaluation
from search_rerank.evaluation.measures import Measure
from search_rerank.evaluation.past import history_lengths, query_frequency
from search_rerank.evaluation.ruled import Ruled, in_order_of
from search_rerank.features.table import FeatureTable
from search_rerank.fusion import FUSIONS
from search_rerank.fusion.base import Fusion
from search_rerank.occasions import Occasion
from search_rerank.replay import Replay
from search_rerank.rules.rule_set import RuleSet
from search_rerank.training import Progress, Shop, as_of, cuts, quiet, replayed, spread, tasks

DEPTH = 20
"""First places of each list that are kept."""
WITH_RULES = ", ruled"
"""What the name of a system under rules of the shop ends with."""


def evaluate(
    shop: Shop,
    fusions: Mapping[str, Mapping[str, Fusion]],
    progress: Progress = quiet,
    depth: int = DEPTH,
    measures: Sequence[Measure] = (),
    rules: RuleSet | None = None,
) -> Evaluation:
    """Return what every system did with the queries after the test cut.

    A relevant item that is not among the candidates counts as missed. Ties of a scorer alone are
    broken at random (seeded), those of a fusion by the engine's order. Feature rows are replayed
    in parts and let go, but for a sample.

    Parameters
    ----------
    shop
        The data; scorers are fitted on what lies before the test cut, and the index is boosted by
        it.
    fusions
        What `search_rerank.training.train` learnt before the test cut.
    progress
        Told how far it has come.
    depth
        First places of each list to keep.
    measures
        To take beside those that every table has.
    rules
        Rules of the shop: each fusion has a second row, with them.
    """
    cut = cuts(shop.events, shop.config.training)
    found: dict[str, Evaluated] = {}
    with as_of(shop, cut.test) as replay:
        for prefix, occasions in tasks(shop, cut.test, cut.end).items():
            chosen = spread(occasions, shop.config.training.max_test_rankings)
            if chosen:
                what = f"{prefix or 'test '}queries".replace("_", " ")
                systems = _systems(shop, fusions[prefix])
                if rules is not None:
                    systems |= _ruled(shop, rules, systems, chosen, cut.test)
                collected = Collected(systems, len(chosen), depth, measures)
                _replay(shop, replay, chosen, cut.test, collected, progress, what)
                found[prefix] = _evaluated(shop, prefix, chosen, cut.test, collected)
    return Evaluation(found)


def protocol(shop: Shop) -> str:
    """Return in words what was held out and how it was ranked."""
    cut = cuts(shop.events, shop.config.training)
    day = datetime.fromtimestamp(cut.test / 1000, UTC).date().isoformat()
    state = "state grows with the log" if shop.live else "state frozen at the cut"
    shown = shop.config.training.candidates == "shown"
    asks = (
        "each query with an interaction, candidates "
        + ("as the list showed them" if shown else "from the whole catalogue")
        if shop.dataset.query_items is None
        else "each interaction of a known user with a known item, once for every query that holds "
        "it: the query's unseen items ranked; e2e rows: the query's text, unseen items of the "
        f"whole catalogue, first {shop.config.retrieval.k}"
    )
    return (
        f"{shop.dataset.name}: global time cut at the {shop.config.training.test_quantile:g} "
        f"quantile of interaction times ({day}), {state}; {asks}; no sampled negatives"
    )


def _systems(shop: Shop, fusions: Mapping[str, Fusion]) -> dict[str, System]:
    found = {"engine": System(lambda table: -table.engine_rank.astype(np.float64))}
    for scorer in shop.config.scorers:
        found[scorer.name] = System(_column(f"score.{scorer.name}"), alone=True)
    for name in FUSIONS:  # a new fusion is a row without a change here
        if name in fusions:
            found[name] = System(fusions[name].fuse)
    return found


def _ruled(
    shop: Shop,
    rules: RuleSet,
    systems: Mapping[str, System],
    occasions: Sequence[Occasion],
    cut_ms: int,
) -> dict[str, System]:
    history = history_lengths(occasions, shop.events, cut_ms, shop.live)
    items = in_order_of(shop.catalogue.ids.ids(), shop.dataset.items)
    ruled = Ruled(rules, items, occasions, history)
    return {
        f"{name}{WITH_RULES}": replace(system, then=ruled)
        for name, system in systems.items()
        if not system.alone
    }


def _column(name: str) -> Callable[[FeatureTable], NDArray[np.floating]]:
    return lambda table: table.column(name)


def _replay(
    shop: Shop,
    replay: Replay,
    occasions: Sequence[Occasion],
    cut_ms: int,
    collected: Collected,
    progress: Progress,
    what: str,
) -> None:
    rng = np.random.default_rng(shop.config.training.seed)
    for part in replayed(replay, shop, occasions, cut_ms, progress, what):
        collected.add(part, rng)


def _evaluated(
    shop: Shop, prefix: str, occasions: Sequence[Occasion], cut_ms: int, collected: Collected
) -> Evaluated:
    return Evaluated(
        prefix=prefix,
        values=collected.values(),
        singles=[name for name, system in collected.systems.items() if system.alone],
        occasions=occasions,
        history=history_lengths(occasions, shop.events, cut_ms, shop.live),
        demand=query_frequency(occasions, shop.events, cut_ms),
        lists=collected.lists(),
        sample=collected.sample(),
        sampled=collected.sampled(),
        scores=collected.scores(),
        whole_catalogue=any(one.asked is None for one in occasions),
        seed=shop.config.training.seed,
    )
