"""What explanations cost: trees taken apart for the hits of a page, and whole answers with them.

    python -m benchmarks.explanations --home DIR [--requests 200] [--seed 0] [--json FILE]

`--home` is the folder of a demo, such as `.demo/shop-embedded`. The first rows take apart trees
of various sizes, grown on chance, for ten rows; the others ask the demo's own bundle, in this
process, with and without what is told of ten hits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from benchmarks.common import options, percentiles, report
from benchmarks.serving import QUERIES
from search_rerank.config import load_config
from search_rerank.explanation import Explain
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.pipeline import Pipeline
from search_rerank.query import Query
from search_rerank.state.opening import open_state

HITS, CANDIDATES, FEATURES, GROUPS = 10, 200, 110, 150


@click.command()
@options
@click.option("--home", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--requests", default=200, show_default=True, type=click.IntRange(20, 5_000))
@click.option("--seed", default=0)
def main(home: Path, requests: int, seed: int, data: Path | None, json_file: Path | None) -> None:
    """Print milliseconds in this process, on one thread."""
    start = perf_counter()
    rng = np.random.default_rng(seed)
    rows = [_trees(trees, leaves, rng) for trees in (100, 300) for leaves in (15, 31)]
    rows += _answers(home, requests, rng)
    protocol = (
        f"{HITS} hits of {CANDIDATES} candidates explained, one thread, in this process; trees on "
        f"{FEATURES} features of chance; answers of the demo's bundle to {requests} searches"
    )
    report("explanations", protocol, rows, {"all": perf_counter() - start}, json_file)


def _trees(trees: int, leaves: int, rng: np.random.Generator) -> dict[str, Any]:
    n = GROUPS * CANDIDATES
    X = rng.normal(size=(n, FEATURES)).astype(np.float32)
    good = X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=n)
    gains = (good > 1).astype(np.float32)
    names = tuple(f"feature{n}" for n in range(FEATURES))
    offsets = np.arange(0, n + 1, CANDIDATES)
    ranks = np.tile(np.arange(CANDIDATES, dtype=np.int32), GROUPS)
    table = FeatureTable(names, X, offsets, ranks)
    grown = TreeOptions(trees=trees, leaves=leaves, validation=0.0, threads=1)
    model = LambdaMart.fit(table, gains, grown)
    page = table.groups(0, 1)
    wanted = np.arange(CANDIDATES) < HITS
    scored = _median(lambda: model.fuse(page))
    return {
        "what": f"{trees} trees of {leaves} leaves",
        "p50_ms": _median(lambda: model.contributions(page, wanted)),
        "scored_p50_ms": scored,
    }


def _answers(home: Path, requests: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    config = load_config(home / "config.toml").model_copy(update={"home": home})
    state = open_state(config)
    pipeline = Pipeline.open(config, state)
    users = [user for user, _ in state.shoppers(200)]
    now_ms = max(past.time_ms for past in state.history(users[0], None, 1)) + 1000
    asked: dict[str, Explain | None] = {
        "search": None,
        "search with reasons": Explain(0, HITS, contributions=False, reasons=True),
        "search with explanations and reasons": Explain(0, HITS, reasons=True),
    }
    times: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(requests):
        user = users[int(rng.integers(len(users)))]
        text = QUERIES[int(rng.integers(len(QUERIES)))]
        query = Query(text=text, user=user, k=CANDIDATES, now_ms=now_ms)
        for name, explain in asked.items():
            start = perf_counter()
            pipeline.search(query, explain=explain)
            times[name].append((perf_counter() - start) * 1000)
    pipeline.close()
    state.close()
    return [{"what": name, **percentiles(spent)} for name, spent in times.items()]


def _median(work: Callable[[], object], times: int = 30) -> float:
    spent = []
    for _ in range(times):
        start = perf_counter()
        work()
        spent.append((perf_counter() - start) * 1000)
    return float(np.median(spent))


if __name__ == "__main__":
    main()
