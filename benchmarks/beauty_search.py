"""Personalised search on Amazon Beauty: each scorer alone, every fusion, what each feature adds.

    python -m benchmarks.beauty_search [--rows static,online,e2e,ablation] [--part validation]
                                       [--seeds 3] [--json FILE] [--data DIR]

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

from benchmarks.beauty_settings import FIRST_STAGE, NAME, TREES, WITHOUT, config_at
from benchmarks.common import options, report
from benchmarks.seeded import Scores, Seeded
from search_rerank.data.layouts import data_root, load_dataset
from search_rerank.engines import open_engine
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.cascade import Cascade
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.vote import Vote, voters
from search_rerank.fusion.weighted import Weighted
from search_rerank.replay import Replayed
from search_rerank.training import Shop, as_of, quiet, replayed, tasks
from search_rerank.workspace import Workspace

KINDS = ("static", "online", "e2e", "ablation")
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
    live
        Whether the state grows with the log.
    prefix
        Of the task: empty for the query's items, `e2e_` for the whole catalogue.
    named
        How a system of it is called in the table.
    ablation
        Whether the cascade is also learnt without each group of features.
    """

    live: bool
    prefix: str = ""
    named: str = "{}"
    ablation: bool = False


def runs(kinds: Sequence[str]) -> list[Run]:
    """Return the replays that the asked kinds of rows need."""
    found = [Run(False, ablation="ablation" in kinds)] if {"static", "ablation"} & {*kinds} else []
    found += [Run(False, "e2e_", "e2e_{}")] if "e2e" in kinds else []
    return found + ([Run(True, named="{}_online")] if "online" in kinds else [])


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


def selected(table: FeatureTable, left_out: Sequence[str]) -> FeatureTable:
    """Return a table without the columns whose names begin like one of these."""
    keep = [n for n, name in enumerate(table.names) if not name.startswith(tuple(left_out))]
    return replace(table, names=tuple(table.names[n] for n in keep), X=table.X[:, keep])


def first_stage(rows: Replayed) -> Weighted:
    """Return the weighted sum, which has no seed: what stands before the cascade's trees."""
    return Weighted.fit(rows.table, rows.gains, voters(rows.table.names))


def cascades(rows: Replayed, first: Weighted, seeds: int) -> list[Cascade]:
    """Return the cascade under each seed."""
    return [
        Cascade.fit(rows.table, rows.gains, first, FIRST_STAGE, replace(TREES, seed=seed))
        for seed in range(seeds)
    ]


def fusions(rows: Replayed, seeds: int) -> Systems:
    """Learn every fusion of the demo's table."""
    first = first_stage(rows)
    trees = [
        LambdaMart.fit(rows.table, rows.gains, replace(TREES, seed=seed)) for seed in range(seeds)
    ]
    return {
        "vote": [Vote(voters(rows.table.names)).fuse] * seeds,
        "weighted": [first.fuse] * seeds,
        "lambdamart": [one.fuse for one in trees],
        "cascade": [one.fuse for one in cascades(rows, first, seeds)],
    }


def ablations(rows: Replayed, seeds: int) -> Systems:
    """Learn the cascade without each group of features."""
    found: Systems = {}
    for what, left_out in WITHOUT.items():
        fewer = replace(rows, table=selected(rows.table, left_out))
        learnt = cascades(fewer, first_stage(fewer), seeds)
        found[f"cascade without {what}"] = [partial(fused, one, left_out) for one in learnt]
    return found


def fused(cascade: Cascade, left_out: Sequence[str], table: FeatureTable) -> NDArray[np.float64]:
    """Return the scores of a cascade that knows fewer columns than the table has."""
    return cascade.fuse(selected(table, left_out))


def systems_of(run: Run, shop: Shop, rows: Replayed, seeds: int) -> tuple[Systems, frozenset[str]]:
    """Return the rows of a run, and which of them are a scorer alone."""
    alone: Systems = {}
    if run.live:
        alone["popularity"] = [partial(column, DEMAND)] * seeds
    else:
        for scorer in shop.config.scorers:
            alone[scorer.name] = [partial(column, f"score.{scorer.name}")] * seeds
    found: Systems = {"engine": [engine_order] * seeds, **alone, **fusions(rows, seeds)}
    if run.ablation:
        found |= ablations(rows, seeds)
    return found, frozenset(alone)


def measure(
    run: Run, shop: Shop, part: str, seeds: int, seconds: dict[str, float]
) -> list[dict[str, Any]]:
    """Replay, learn, replay what is held out, and return the run's rows."""
    live = shop.config.training.model_copy(update={"live": run.live})
    shop = replace(shop, config=shop.config.model_copy(update={"training": live}))
    train, test, end = cut_times(shop, part)
    start = perf_counter()
    with as_of(shop, train) as replay:
        occasions = tasks(shop, train, test)[run.prefix]
        rows = Replayed.concat([*replayed(replay, shop, occasions, train, quiet, "")])
    seconds[run.named.format("replay")] = perf_counter() - start
    start = perf_counter()
    systems, alone = systems_of(run, shop, rows, seeds)
    del rows
    seconds[run.named.format("learn")] = perf_counter() - start
    start = perf_counter()
    seen = Seeded(systems, alone)
    with as_of(shop, test) as replay:
        for ranked in replayed(replay, shop, tasks(shop, test, end)[run.prefix], test, quiet, ""):
            seen.add(ranked)
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
        "means over the seeds of the trees and of ties, spread: largest less smallest nDCG@10"
    )


@click.command()
@options
@click.option("--rows", "kinds", default=",".join(KINDS), show_default=True, help="Which rows.")
@click.option("--part", type=click.Choice([*PARTS]), default="test", show_default=True)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100))
def main(kinds: str, part: str, seeds: int, data: Path | None, json_file: Path | None) -> None:
    """Print the table of each kind of rows."""
    asked = kinds.split(",")
    if unknown := sorted({*asked} - {*KINDS}):
        raise click.BadParameter(f"--rows: expected some of {', '.join(KINDS)}, found {unknown}")
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
            for run in runs(asked):
                rows += measure(run, shop, part, seeds, seconds)
    report("beauty_search", protocol(part), rows, seconds, json_file)


if __name__ == "__main__":
    main()
