"""Time and memory of a training, from a generated log to a bundle.

`python -m benchmarks.training`. CPU seconds are those of all threads, and stay what they are on a
machine that has other work.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import perf_counter, process_time

import click

from benchmarks.common import report
from search_rerank.config import Config

CANDIDATES = 100


@click.command()
@click.option("--rankings", default=10_000, show_default=True, help="Queries to learn from.")
@click.option("--events", default=200_000, show_default=True, help="Events of the log, about.")
@click.option("--products", default=3000, show_default=True, help="Items of the catalogue.")
@click.option("--threads", default=2, show_default=True, help="Threads that grow the trees.")
@click.option("--ranker", default="auto", show_default=True, help="As training.ranker.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON here.")
def main(
    rankings: int, events: int, products: int, threads: int, ranker: str, json_file: Path | None
) -> None:
    """Train on a generated shop and print seconds by phase, peak memory and rankings a second."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "shop"
        # In a process of its own, so that its memory is not counted here.
        size = ["--products", str(products), "--events", str(events), "--shoppers", "3000"]
        command = [sys.executable, "-m", "search_rerank", "shop", str(data), *size]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        training = {
            "train_quantile": 0.6,
            "max_rankings": rankings,
            "threads": threads,
            "ranker": ranker,
        }
        config = Config.model_validate(
            {
                "home": Path(folder) / "home",
                "retrieval": {"k": CANDIDATES},
                "training": training,
            }
        )
        row, seconds, lines = _train(config, data)
    protocol = (
        f"generated shop, {products:,} products and about {events:,} events; {rankings:,} queries "
        f"of {CANDIDATES} candidates replayed and learnt from; {len(os.sched_getaffinity(0))} "
        f"cores, {threads} threads; seconds of wall clock"
    )
    report("training", protocol, [row], seconds, json_file)
    print(*lines, sep="\n")


def _train(config: Config, data: Path) -> tuple[dict[str, object], dict[str, float], list[str]]:
    from search_rerank.bundle import save_bundle
    from search_rerank.commands.reading import read_folder
    from search_rerank.engines import open_engine
    from search_rerank.fitting import fit_fusions
    from search_rerank.replay import Replayed
    from search_rerank.training import as_of, cuts, make_bundle, quiet, replayed, spread, tasks
    from search_rerank.workspace import Workspace

    seconds: dict[str, float] = {}
    cpu: dict[str, float] = {}
    workspace = Workspace(config)
    began = perf_counter()
    with _timed("read", seconds, cpu):
        dataset = read_folder(data)
    with closing(open_engine(config)) as engine, workspace.cache() as cache:
        with _timed("vectors", seconds, cpu):
            shop = workspace.shop(dataset, engine, cache)
        cut = cuts(shop.events, config.training)
        ((_, occasions),) = tasks(shop, cut.train, cut.test).items()
        chosen = spread(occasions, config.training.max_rankings)
        with ExitStack() as stack:
            with _timed("index and scorers", seconds, cpu):
                replay = stack.enter_context(as_of(shop, cut.train))
            with _timed("replay", seconds, cpu):
                parts = list(replayed(replay, shop, chosen, cut.train, quiet, "rows"))
                rows = Replayed.concat(parts)
                del parts
            with _timed("fusions", seconds, cpu):
                fitted = fit_fusions(rows, config.training)
        shape = rows.table.X.shape
        del rows
        with _timed("bundle", seconds, cpu):
            bundle = make_bundle(shop, {"": fitted})
            save_bundle(bundle, workspace.bundles)
    row: dict[str, object] = {
        "system": "train",
        "rows": shape[0],
        "columns": shape[1],
        **{f"{name}_s": round(spent, 1) for name, spent in seconds.items()},
        **{f"{name}_cpu_s": round(spent, 1) for name, spent in cpu.items()},
        "total_s": round(perf_counter() - began, 1),
        "cpu_s": round(sum(cpu.values()), 1),
        "rankings_per_s": round(len(chosen) / seconds["replay"], 1),
        "rankings_per_cpu_s": round(len(chosen) / cpu["replay"], 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return row, seconds, bundle.selection.lines()


@contextmanager
def _timed(name: str, seconds: dict[str, float], cpu: dict[str, float]) -> Iterator[None]:
    start, used = perf_counter(), process_time()
    yield
    seconds[name] = perf_counter() - start
    cpu[name] = process_time() - used
    click.echo(f"{name}: {seconds[name]:.1f} s, {cpu[name]:.1f} s of CPU", err=True)


if __name__ == "__main__":
    main()
