"""What options of the trees are worth: one replay of the generated shop, the same held-out queries.

`python -m benchmarks.tree_options`.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import click

from benchmarks.common import report
from search_rerank.config import Config

HELD_OUT = 0.25


@click.command()
@click.option("--rankings", default=3000, show_default=True, help="Queries replayed.")
@click.option("--events", default=60_000, show_default=True, help="Events of the log, about.")
@click.option("--seed", default=0, show_default=True, help="Of the shop and of the trees.")
@click.option("--threads", default=2, show_default=True, help="Threads that grow the trees.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON here.")
def main(rankings: int, events: int, seed: int, threads: int, json_file: Path | None) -> None:
    """Print nDCG@10 of trees grown with one option changed at a time, on the newest queries."""
    from search_rerank.data.shop import generate
    from search_rerank.engines import open_engine
    from search_rerank.fitting import tree_options
    from search_rerank.fusion.lambdamart import LambdaMart
    from search_rerank.fusion.selection import Held, trials
    from search_rerank.fusion.vote import voters
    from search_rerank.replay import Replayed
    from search_rerank.training import as_of, cuts, quiet, replayed, spread, tasks
    from search_rerank.workspace import Workspace

    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        training = {
            "train_quantile": 0.6,
            "max_rankings": rankings,
            "threads": threads,
            "seed": seed,
        }
        config = Config.model_validate(
            {"home": folder, "retrieval": {"k": 100}, "training": training}
        )
        workspace = Workspace(config)
        dataset = generate(seed=seed, events=events, shoppers=3000).dataset()
        with closing(open_engine(config)) as engine, workspace.cache() as cache:
            shop = workspace.shop(dataset, engine, cache)
            cut = cuts(shop.events, config.training)
            chosen = spread(tasks(shop, cut.train, cut.test)[""], rankings)
            with as_of(shop, cut.train) as replay:
                rows = Replayed.concat(
                    list(replayed(replay, shop, chosen, cut.train, quiet, "rows"))
                )
    seconds = {"replay": perf_counter() - start}
    start = perf_counter()
    groups = len(rows.table.sizes)
    cutoff = groups - round(HELD_OUT * groups)
    older, newer = rows.table.groups(0, cutoff), rows.table.groups(cutoff, groups)
    first = len(older)
    held = Held(newer, rows.gains[first:], rows.missed[cutoff:], rows.shoppers[cutoff:])
    usual = tree_options(config.training)
    opinions = voters(rows.table.names)
    variants = {
        "as set": usual,
        "opinions rise": replace(usual, rising=opinions),
        "rank_xendcg": replace(usual, objective="rank_xendcg"),
        "truncation 10": replace(usual, truncation=10),
        "twice the leaves": replace(usual, leaves=31),
        "all columns": replace(usual, features=1.0),
    }
    scores = {}
    for name, options in variants.items():
        click.echo(name, err=True)
        trees = LambdaMart.fit(older, rows.gains[:first], options)
        scores["lambdamart", name] = trees.fuse(newer)
    seconds["trees"] = perf_counter() - start
    table = [
        {
            "system": trial.options,
            "nDCG@10": trial.value,
            "minus_best": trial.minus_best,
            "ci95": list(trial.ci95),
            "p": trial.p,
        }
        for trial in trials(held, scores, config.training.seed)
    ]
    protocol = (
        f"generated shop (seed {seed}), about {events:,} events, {groups:,} replayed queries of "
        f"100 candidates; trees learn from the older {1 - HELD_OUT:.0%}, the newest "
        f"{HELD_OUT:.0%} are ranked; differences to the best, paired, over shoppers"
    )
    report("tree_options", protocol, table, seconds, json_file)


if __name__ == "__main__":
    main()
