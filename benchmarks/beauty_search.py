"""Personalised search on Amazon Beauty: each scorer alone, every fusion, what each feature adds.

    python -m benchmarks.beauty_search [--rows static,online,e2e,ablation] [--part validation]
                                       [--seeds 3] [--tables DIR] [--json FILE] [--data DIR]

Rows as in `search-rerank demo`, by its protocol. Those that end on `_online` let the state grow
strictly before each query, in training too, while scorers stay fitted at the cut. An ablation row
is the cascade learnt and asked without some features. The validation part is the same a tenth of
the log earlier: it ends where the test part begins.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter, time
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.beauty_settings import (
    ABLATION,
    ALL_CANDIDATES,
    FIRST_STAGE,
    NAME,
    RANKED,
    TEACHING,
    TREES,
    WITHOUT,
    config_at,
)
from benchmarks.common import options, report
from benchmarks.replayed_rows import Window, rows_of, selected, some
from benchmarks.seeded import Scores, Seeded
from search_rerank.data.layouts import data_root, load_dataset
from search_rerank.engines import open_engine
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.cascade import Cascade
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.vote import Vote, voters
from search_rerank.fusion.weighted import Weighted
from search_rerank.replay import Replayed
from search_rerank.training import Shop
from search_rerank.workspace import Workspace

PARTS = {"test": (0.8, 0.9, 1.0), "validation": (0.7, 0.8, 0.9)}
"""Quantiles of the log's times: scorers learn before the first, fusions before the second, and
queries from there to the third are ranked, by scorers that learnt before the second."""
DEMAND = "item.demand_30d"
"""The state's counter that ranks alone in `popularity_online`."""

Systems = dict[str, list[Scores]]
"""Name of a row to its scores under each seed."""


@dataclass(frozen=True)
class Run:
    """One replay of the log and what is learnt from it.

    Parameters
    ----------
    kind
        As in the settings.
    live
        Whether the state grows with the log.
    prefix
        Of the task: empty for the query's items, `e2e_` for the whole catalogue.
    named
        How a system of it is called in the table.
    """

    kind: str
    live: bool = False
    prefix: str = ""
    named: str = "{}"


RUNS = {
    run.kind: run
    for run in (
        Run("static"),
        Run("online", live=True, named="{}_online"),
        Run("e2e", prefix="e2e_", named="e2e_{}"),
        Run("ablation"),
    )
}


def cut_times(shop: Shop, part: str) -> tuple[int, int, int]:
    """Return the cuts of a part in unix milliseconds; the log ends after its last interaction."""
    train, test, end = (int(np.quantile(shop.events.time_ms, q)) for q in PARTS[part])
    return train, test, end + (PARTS[part][2] == 1)


def column(name: str, table: FeatureTable) -> NDArray[np.float32]:
    """Return the scores of one column alone."""
    return table.column(name)


def engine_order(table: FeatureTable) -> NDArray[np.float64]:
    """Return scores that keep the engine's order."""
    return -table.engine_rank.astype(np.float64)


def cascades(rows: Replayed, first: Weighted, seeds: int) -> list[Cascade]:
    """Return the cascade under each seed."""
    return [
        Cascade.fit(rows.table, rows.gains, first, FIRST_STAGE, replace(TREES, seed=seed))
        for seed in range(seeds)
    ]


def fusions(rows: Replayed, seeds: int) -> Systems:
    """Learn every fusion of the demo's table; those that rank by a formula have no seed."""
    names = voters(rows.table.names)
    first = Weighted.fit(rows.table, rows.gains, names)
    staged = cascades(rows, first, seeds)
    fewer = some(rows, ALL_CANDIDATES)
    trees = [
        LambdaMart.fit(fewer.table, fewer.gains, replace(TREES, seed=seed)) for seed in range(seeds)
    ]
    return {
        "vote": [Vote(names).fuse] * seeds,
        "weighted": [first.fuse] * seeds,
        "lambdamart": [one.fuse for one in trees],
        "cascade": [one.fuse for one in staged],
    }


def ablations(rows: Replayed, seeds: int) -> Systems:
    """Learn the cascade with all features, and without each group of them."""
    found: Systems = {}
    for what, left_out in {"nothing": (), **WITHOUT}.items():
        fewer = replace(rows, table=selected(rows.table, left_out))
        if left_out and fewer.table.names == rows.table.names:  # the data set has none of these
            found[f"cascade without {what}"] = found["cascade without nothing"]
            continue
        first = Weighted.fit(fewer.table, fewer.gains, voters(fewer.table.names))
        learnt = cascades(fewer, first, seeds)
        found[f"cascade without {what}"] = [partial(fused, one, left_out) for one in learnt]
    return found


def fused(cascade: Cascade, left_out: Sequence[str], table: FeatureTable) -> NDArray[np.float64]:
    """Return the scores of a cascade that knows fewer columns than the table has."""
    return cascade.fuse(selected(table, left_out))


def systems_of(run: Run, shop: Shop, rows: Replayed, seeds: int) -> tuple[Systems, frozenset[str]]:
    """Return the rows of a run, and which of them are a scorer alone."""
    if run.kind == "ablation":
        return ablations(some(rows, ABLATION[0]), seeds), frozenset()
    alone: Systems = {}
    if run.live:
        alone["popularity"] = [partial(column, DEMAND)] * seeds
    else:
        for scorer in shop.config.scorers:
            alone[scorer.name] = [partial(column, f"score.{scorer.name}")] * seeds
    found: Systems = {"engine": [engine_order] * seeds, **alone, **fusions(rows, seeds)}
    return found, frozenset(alone)


def measure(
    run: Run,
    shop: Shop,
    part: str,
    seeds: int,
    folder: Path | None,
    seconds: dict[str, float],
) -> list[dict[str, Any]]:
    """Replay, learn, replay what is held out, and return the run's rows."""
    live = shop.config.training.model_copy(update={"live": run.live})
    shop = replace(shop, config=shop.config.model_copy(update={"training": live}))
    train, test, end = cut_times(shop, part)
    start = perf_counter()
    rows = rows_of(shop, Window(train, test), run.prefix, TEACHING[run.kind], folder)
    seconds[run.named.format("replay")] = perf_counter() - start
    start = perf_counter()
    systems, alone = systems_of(run, shop, rows, seeds)
    del rows  # before as many come
    seconds[run.named.format("learn")] = perf_counter() - start
    start = perf_counter()
    seen = Seeded(systems, alone)
    ranked = rows_of(shop, Window(test, end), run.prefix, RANKED[run.kind], folder)
    seen.add(some(ranked, ABLATION[1]) if run.kind == "ablation" else ranked)
    seconds[run.named.format("evaluate")] = perf_counter() - start
    table = seen.rows(run.named, retrieval=bool(run.prefix))
    for row in table:
        if row["system"] == run.named.format("cascade"):
            row["minus_weighted"] = seen.minus("cascade", "weighted")
    return table


def protocol(part: str) -> str:
    """Return in words what is held out and how it is ranked."""
    first, second, third = PARTS[part]
    return (
        f"{NAME}, {part} part: scorers and index learn before the {first:g} quantile of time, "
        f"fusions from the queries up to the {second:g} quantile, those up to the {third:g} "
        "quantile are ranked, scorers having learnt again before them; each purchase of a known "
        "user and item, once for every query that holds it: all of the query's unseen items "
        "ranked; e2e: the query's text, unseen items of the whole catalogue, the first 200; state "
        "frozen at the cut, online: growing strictly before each query; no sampled negatives; "
        "means over the seeds of the trees and of ties, spread: largest less smallest nDCG@10; at "
        f"most {TEACHING['static']:,} queries teach (online {TEACHING['online']:,}, e2e "
        f"{TEACHING['e2e']:,}, lambdamart {ALL_CANDIDATES:,}, ablation {ABLATION[0]:,}) and "
        f"{RANKED['static']:,} are ranked (e2e {RANKED['e2e']:,}, ablation {ABLATION[1]:,})"
    )


@click.command()
@options
@click.option("--rows", "kinds", default=",".join(RUNS), show_default=True, help="Which rows.")
@click.option("--part", type=click.Choice([*PARTS]), default="test", show_default=True)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option(
    "--tables",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep replayed rows here, and read those that are there.",
)
def main(
    kinds: str,
    part: str,
    seeds: int,
    folder: Path | None,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print the table of each kind of rows."""
    asked = kinds.split(",")
    if unknown := sorted({*asked} - {*RUNS}):
        raise click.BadParameter(f"--rows: expected some of {', '.join(RUNS)}, found {unknown}")
    dataset = load_dataset(data or data_root() / NAME, int(time() * 1000))
    if dataset.query_items is None:
        raise click.BadParameter(f"--data: expected a set that says what a query asks for: {NAME}")
    seconds: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        config = config_at(Path(scratch))
        workspace = Workspace(config)
        with closing(open_engine(config)) as engine, workspace.cache() as cache:
            shop = workspace.shop(dataset, engine, cache)
            for kind in asked:
                rows += measure(RUNS[kind], shop, part, seeds, folder, seconds)
    report("beauty_search", protocol(part), rows, seconds, json_file)


if __name__ == "__main__":
    main()
