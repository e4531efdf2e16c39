"""Which game is clicked after which words: Best Buy's mobile shop, 42,365 clicks of 2011.

    python -m benchmarks.bestbuy [--seeds N] [--json FILE] [--data DIR]

The first 80 % of the clicks by time predict the last 20 %. `static` rows know nothing past the
first 80 %; `online` rows know what was clicked strictly before the query was asked.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from benchmarks.seeded import row_of
from search_rerank.config import parse_config
from search_rerank.data.bestbuy import NAME, Clicked, read_clicks
from search_rerank.data.dataset import Dataset
from search_rerank.data.layouts import data_root
from search_rerank.encoders import fit_encoder
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines import open_engine
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.trees import TreeOptions
from search_rerank.fusion.weighted import Weighted
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replay, Replayed
from search_rerank.training import Shop, as_of, open_shop, spread

MEASURES = ("AP@5", "nDCG@10", "HR@5")
Scores = Callable[[FeatureTable], NDArray[np.floating]]
GAINS = {"click": 1.0}
SETTINGS: Mapping[str, Any] = {
    "scorers": [],
    "retrieval": {"typos": "off"},
    "training": {"gains": GAINS, "live": True},
}
"""Shoppers here have no past, so that no scorer knows them; votes of past queries forgive typos."""
FIRST = ("similar.near_30d", "similar.wide_share", "item.demand_7d", "query.lexical")
"""The columns of the first stage's weighted sum."""
SIZE = 20
"""Candidates of the 458 that the first stage hands to the trees."""
TAUGHT = 10_000
"""Training queries, evenly spread, that the trees learn from at most: here all."""
SAMPLE = 400
"""Those of them that the first stage's weights are learnt on."""
TREES = TreeOptions(
    trees=300,
    leaves=15,
    learning_rate=0.05,
    min_rows=50,
    features=0.5,
    rows=0.7,
    truncation=10,
    patience=100,
    threads=1,
)
ALONE = {
    "popularity": "item.demand_180d",
    "popularity_7d": "item.demand_7d",
    "words": "query.lexical",
    "share_in_query": "query.interactions_30d",
    "similar_queries": "similar.near_30d",
}
"""Rows of one column: ties are broken at random."""


@dataclass(frozen=True)
class Parts:
    """The clicks by their part in the protocol, and the times of its cuts.

    Parameters
    ----------
    train, test
        Of the first 80 % the last quarter, which teaches the order; the last 20 %.
    train_ms, test_ms
        Times of the first click of each.
    """

    train: Sequence[Clicked]
    test: Sequence[Clicked]
    train_ms: int
    test_ms: int


def parts(clicks: Sequence[Clicked]) -> Parts:
    """Cut clicks in time order at 60 % and 80 %."""
    first, second = (int(len(clicks) * share) for share in (0.6, 0.8))
    return Parts(
        clicks[first:second],
        clicks[second:],
        clicks[first].event.time_ms,
        clicks[second].event.time_ms,
    )


def occasions(clicks: Sequence[Clicked], ids: Sequence[str]) -> list[Occasion]:
    """Return one occasion a click, at the time its query was asked, over the whole catalogue."""
    asked = sorted(clicks, key=lambda one: one.asked_ms)
    return [
        Occasion(
            Query(one.event.query or "", user=one.event.user, k=len(ids), now_ms=one.asked_ms),
            {one.event.item: 1.0},
            ids,
        )
        for one in asked
    ]


def first_stage(replay: Replay, shop: Shop, asked: Sequence[Occasion], cut_ms: int) -> Weighted:
    """Learn the weights of the first stage on a sample of the training queries."""
    rows = Replayed.concat(list(replay.run(shop.events, spread(asked, SAMPLE), cut_ms)))
    return Weighted.fit(rows.table, rows.gains, FIRST)


def teaching(
    replay: Replay, shop: Shop, asked: Sequence[Occasion], cut_ms: int, first: Weighted
) -> tuple[FeatureTable, NDArray[np.float32]]:
    """Return the table and the gains of the candidates that reach the trees."""
    tables, gains = [], []
    for part in replay.run(shop.events, asked, cut_ms, groups=100):
        kept = ranks(part.table, first.fuse(part.table)) < SIZE
        tables.append(part.table.rows(kept))
        gains.append(part.gains[kept])
    return FeatureTable.concat(tables), np.concatenate(gains)


def staged(first: Weighted, trees: LambdaMart) -> Scores:
    """Return the order of the trees for the first candidates, of the first stage for the rest."""

    def scores(table: FeatureTable) -> NDArray[np.float64]:
        place = ranks(table, first.fuse(table))
        kept = place < SIZE
        found = -1e6 - place.astype(np.float64)
        found[kept] = trees.fuse(table.rows(kept))
        return found

    return scores


def systems(first: Weighted, trees: Sequence[LambdaMart]) -> dict[str, Sequence[Scores]]:
    """Return name to the scores under each seed."""
    return {
        **{name: [column(of)] for name, of in ALONE.items()},
        "first_stage": [first.fuse],
        "lambdamart": [staged(first, one) for one in trees],
    }


def column(name: str) -> Scores:
    """Return one column as scores."""
    return lambda table: table.column(name).astype(np.float64)


def measured(
    found: Mapping[str, Sequence[Scores]], rows: Iterator[Replayed], named: str
) -> list[dict[str, Any]]:
    """Return a row a system: means over queries and seeds; intervals resample shoppers."""
    values: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    shoppers: list[str] = []
    chances = [np.random.default_rng(seed) for seed in range(len(found["lambdamart"]))]
    for part in rows:
        shoppers += part.shoppers
        table = part.table
        ties = [rng.permutation(len(table)) for rng in chances]
        for name, seeds in found.items():
            ranked = [
                Grouped.ranked(
                    part.gains,
                    scores(table),
                    ties[seed] if name in ALONE else table.engine_rank,
                    table.offsets,
                    part.missed,
                )
                for seed, scores in enumerate(seeds)
            ]
            for measure in MEASURES:
                of_seeds = np.stack([parse_measure(measure).values(one) for one in ranked])
                values.setdefault((name, measure), []).append(of_seeds)
    rows_of = []
    for name in found:
        by_measure = {of: np.concatenate(values[name, of], axis=1) for of in MEASURES}
        rows_of.append(row_of(named.format(name), by_measure, shoppers))
    return rows_of


def protocol(cut: Parts, n_items: int) -> str:
    """Return in words what was held out and how it was ranked."""
    return (
        f"{NAME}: the first 80 % of clicks by time predict the last {len(cut.test):,}; each click "
        f"is a query of its own, all {n_items} products ranked; the trees learn from at most "
        f"{TAUGHT:,} of the last quarter of the first 80 %, each with what was known strictly "
        "before it, and stop on the newest 15 % of those; static: counts of the first 80 % only, "
        "fading until the query; online: what was clicked strictly before the query; spread: best "
        "seed less worst"
    )


@click.command()
@options
@click.option("--seeds", default=3, show_default=True, help="How often trees are grown anew.")
def main(data: Path | None, json_file: Path | None, seeds: int) -> None:
    """Print what each system finds, static and online."""
    items, clicks = read_clicks(data or data_root() / NAME)
    ids = [item.id for item in items]
    cut = parts(clicks)
    dataset = Dataset(NAME, items, [one.event for one in clicks])
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        config = parse_config({"home": scratch, **SETTINGS})
        encoder = fit_encoder(config.encoder, (item.text() for item in items))
        with (
            closing(open_engine(config)) as engine,
            VectorCache(Path(scratch) / "vectors.sqlite") as cache,
        ):
            shop = open_shop(dataset, config, engine, encoder, cache)
            start = perf_counter()
            asked = spread(occasions(cut.train, ids), TAUGHT)
            with as_of(shop, cut.train_ms) as replay:
                first = first_stage(replay, shop, asked, cut.train_ms)
                table, gains = teaching(replay, shop, asked, cut.train_ms, first)
            seconds["training_rows"], start = perf_counter() - start, perf_counter()
            trees = [
                LambdaMart.fit(table, gains, replace(TREES, seed=seed)) for seed in range(seeds)
            ]
            seconds["trees"], start = perf_counter() - start, perf_counter()
            found = systems(first, trees)
            asked = occasions(cut.test, ids)
            rows = []
            with as_of(shop, cut.test_ms) as replay:
                for name, live in (("static", False), ("online", True)):
                    lists = replace(replay, live=live).run(
                        shop.events, asked, cut.test_ms, groups=100
                    )
                    rows += measured(found, lists, f"{{}}_{name}")
            seconds["test"] = perf_counter() - start
    report("bestbuy", protocol(cut, len(items)), rows, seconds, json_file)


if __name__ == "__main__":
    main()
