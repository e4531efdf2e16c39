"""What machine code of trees saves a request, and what making it costs a worker.

    python -m benchmarks.compiled_trees [--seed 0] [--json FILE]

Trees are grown on chance. Each row scores lists of one length, a new one each time: on the same
rows again the processor would remember the way that each of them takes through each tree. Times are
processor time on one thread: `compile_s` that of the process that compiles, `worker_ms` that of the
one that waits for it and takes the code up. `differ` counts scores that are not the same to the
last bit.
"""

from __future__ import annotations

import resource
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import click
import numpy as np

from benchmarks.common import options, report
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions

TREES, LEAVES, LENGTHS = (102, 256, 300), (15, 31), (10, 100, 200, 300)
FEATURES, GROUPS, SIZE = 60, 100, 200
LISTS, ROUNDS = 100, 5


@click.command()
@options
@click.option("--seed", default=0)
def main(seed: int, data: Path | None, json_file: Path | None) -> None:
    """Print microseconds a list by LightGBM and by machine code."""
    start = perf_counter()
    rows = [row for trees in TREES for leaves in LEAVES for row in measured(trees, leaves, seed)]
    protocol = (
        f"lists of chance with {FEATURES} features, one in twenty missing; {LISTS} lists a round, "
        f"the quickest of {ROUNDS} rounds, one thread, this process"
    )
    report("compiled_trees", protocol, rows, {"all": perf_counter() - start}, json_file)


def measured(trees: int, leaves: int, seed: int) -> list[dict[str, Any]]:
    """Return a row for each length of list."""
    rng = np.random.default_rng(seed)
    made = table(GROUPS * SIZE, SIZE, rng)
    good = made.X[:, 0] + made.X[:, 1] * made.X[:, 2] + rng.normal(size=len(made))
    grown = TreeOptions(trees=trees, leaves=leaves, validation=0.0, threads=1)
    model = LambdaMart.fit(made, (np.nan_to_num(good) > 1).astype(np.float32), grown)
    lists = {n: [table(n, n, rng) for _ in range(LISTS)] for n in LENGTHS}
    before = {n: (microseconds(model, own), scores(model, own)) for n, own in lists.items()}
    cpu, compiling = process_time(), children_s()
    model.compile()
    cost = {
        "compile_s": children_s() - compiling,
        "worker_ms": (process_time() - cpu) * 1000,
    }
    if not model.compiled:
        raise click.ClickException("the trees are not compiled: see the log above")
    return [
        {
            "system": f"{trees} trees of {leaves} leaves",
            "rows": n,
            "lightgbm_us": before[n][0],
            "compiled_us": microseconds(model, own),
            "differ": int((scores(model, own) != before[n][1]).sum()),
            **cost,
        }
        for n, own in lists.items()
    ]


def table(n: int, size: int, rng: np.random.Generator) -> FeatureTable:
    """Return lists of one size, n rows in all."""
    X = rng.normal(size=(n, FEATURES)).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    names = tuple(f"feature{column}" for column in range(FEATURES))
    ranks = np.tile(np.arange(size, dtype=np.int32), n // size)
    return FeatureTable(names, X, np.arange(0, n + 1, size), ranks)


def scores(model: LambdaMart, lists: list[FeatureTable]) -> np.ndarray:
    """Return the scores of all lists, one after the other."""
    return np.concatenate([model.fuse(one) for one in lists])


def microseconds(model: LambdaMart, lists: list[FeatureTable]) -> float:
    """Return what scoring a list takes."""
    rounds = []
    for _ in range(ROUNDS):
        start = process_time()
        for one in lists:
            model.fuse(one)
        rounds.append((process_time() - start) / len(lists))
    return min(rounds) * 1e6


def children_s() -> float:
    """Return the processor time of processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
