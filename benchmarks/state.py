"""The state with a large log: what it takes to import, to keep, to open and to read.

    python -m benchmarks.state [--events 20000000] [--shoppers 1000000] [--folder DIR] [--json FILE]

Everything is generated, imported as `search-rerank events import` imports, and then read in fresh
processes, each of which opens the state and answers one request before it is measured.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from time import perf_counter, process_time, time_ns
from typing import Any

import click
import numpy as np

from benchmarks.common import options, percentiles, report
from benchmarks.generated_log import END_MS, GeneratedLog, Sizes
from search_rerank.commands.progress import Bars
from search_rerank.config import Config, parse_config
from search_rerank.data.refused import Refused
from search_rerank.data.told import read_told
from search_rerank.state.importing import finish, import_events
from search_rerank.state.opening import open_state

CANDIDATES = 200
_NEWEST = 100
Request = tuple[str, str, Sequence[str]]
"""A user, a query and the items that are to be ranked."""


@click.command()
@options
@click.option("--events", default=20_000_000, show_default=True, type=click.IntRange(1_000))
@click.option("--shoppers", default=1_000_000, show_default=True, type=click.IntRange(1))
@click.option("--items", default=200_000, show_default=True, type=click.IntRange(CANDIDATES * 10))
@click.option("--queries", default=300_000, show_default=True, type=click.IntRange(1))
@click.option("--rankings", default=0.02, show_default=True, type=click.FloatRange(0, 1))
@click.option("--names", default="short", type=click.Choice(["short", "digits"]), show_default=True)
@click.option("--requests", default=1_000, show_default=True, type=click.IntRange(10))
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="For the state.")
@click.option("--seed", default=0)
def main(
    events: int,
    shoppers: int,
    items: int,
    queries: int,
    rankings: float,
    names: str,
    requests: int,
    folder: Path | None,
    seed: int,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print what importing, opening and reading took, and what is on disk and resident."""
    if data is not None:
        raise click.UsageError("--data: this log is generated")
    sizes = Sizes(events, shoppers, items, queries, rankings, names == "short")
    log = GeneratedLog(sizes, seed)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        config = parse_config({"home": scratch})
        path = Path(scratch) / "log.jsonl"
        start = perf_counter()
        log.write(path)
        seconds["generate"] = perf_counter() - start
        rows: list[dict[str, Any]] = []
        _tell(rows, _in_process(_import, config, path))
        seconds["import"] = rows[0]["seconds"]
        path.unlink()
        _tell(rows, *_on_disk(Path(scratch), events))
        rng = np.random.default_rng(seed + 1)
        asked = [
            (log.users[int(rng.integers(shoppers))], log.draw_query(rng),
             log.draw_items(CANDIDATES, rng))
            for _ in range(requests)
        ]  # fmt: skip
        _tell(rows, _in_process(_open, config, asked[0], "open with snapshot"))
        _tell(rows, *_in_process(_read, config, asked))
        for file in _snapshots(Path(scratch)):
            file.unlink()
        _tell(rows, _in_process(_open, config, asked[0], "open without snapshot"))
    protocol = (
        f"{events:,} generated events, {rankings:.0%} of them rankings of 20 items, of "
        f"{shoppers:,} shoppers with {items:,} items and {queries:,} queries by Zipf's law, a "
        f"query on 30 % of the interactions, events and sessions named by 32 digits, "
        f"shoppers and items {'in 7 characters' if names == 'short' else 'likewise'}; imported "
        f"from JSON lines into "
        f"{config.state.kind} (durability {config.state.durability}) in one process; resident "
        f"memory of a fresh process before it opens the state, and after one request; then "
        f"{requests:,} requests of random shoppers with {CANDIDATES} items, one after another"
    )
    report("state", protocol, rows, seconds, json_file)


def _import(config: Config, path: Path) -> dict[str, Any]:
    now_ms = time_ns() // 1_000_000
    start = perf_counter()
    with closing(open_state(config)) as state, Refused() as refused, Bars() as bars:
        told = read_told(path, refused, now_ms)
        done = import_events(state, told, now_ms, partial(bars, "import", total=0))
        stored = perf_counter() - start
        finish(state, now_ms)
    took = perf_counter() - start
    if done.new != done.read or len(refused):
        raise SystemExit(f"{done.read - done.new:,} events are not new, {refused.summary()}")
    return {
        "system": "import",
        "events": done.new,
        "per_s": done.new / took,
        "seconds": took,
        "cpu_s": process_time(),
        "until_stored_s": stored,
        "peak_mb": _status_mb("VmHWM"),
    }


def _open(config: Config, request: Request, system: str) -> dict[str, Any]:
    before, start = _status_mb("VmRSS"), perf_counter()
    with closing(open_state(config)) as state:
        user, query, items = request
        state.history(user, None, _NEWEST)
        state.item_counts(items, END_MS)
        state.query_counts(query, items, END_MS)
        state.similar_counts(query, items, END_MS)
        took = perf_counter() - start
        return {
            "system": system,
            "seconds": took,
            "cpu_s": process_time(),
            "before_mb": before,
            "resident_mb": _status_mb("VmRSS"),
            "peak_mb": _status_mb("VmHWM"),
        }


def _read(config: Config, requests: Sequence[Request]) -> list[dict[str, Any]]:
    took: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}

    def timed(what: str, call: Callable[[], Any]) -> Any:
        start, cpu_start = perf_counter(), process_time()
        answer = call()
        took.setdefault(what, []).append((perf_counter() - start) * 1000)
        cpu.setdefault(what, []).append((process_time() - cpu_start) * 1000)
        return answer

    found = 0
    with closing(open_state(config)) as state:
        user, query, items = requests[0]
        state.item_counts(items, END_MS)  # loads the counters
        for user, query, items in requests:
            found += len(timed("history", partial(state.history, user, None, _NEWEST)))
            timed("item_counts", partial(state.item_counts, items, END_MS))
            timed("query_counts", partial(state.query_counts, query, items, END_MS))
            timed("similar_counts", partial(state.similar_counts, query, items, END_MS))
    rows: list[dict[str, Any]] = [
        {"system": what, **percentiles(ms), "cpu_p99_ms": percentiles(cpu[what])["p99_ms"]}
        for what, ms in took.items()
    ]
    rows[0]["events"] = found / len(requests)
    return rows


def _on_disk(home: Path, events: int) -> list[dict[str, Any]]:
    sizes = {file: file.stat().st_size for file in home.rglob("*") if file.is_file()}
    parts = {
        "on disk": sum(sizes.values()),
        "on disk: log": sum(size for file, size in sizes.items() if file.suffix == ".zst"),
        "on disk: snapshot": sum(sizes[file] for file in _snapshots(home)),
    }
    return [
        {"system": name, "bytes": size, "bytes_per_event": size / events}
        for name, size in parts.items()
    ]


def _snapshots(home: Path) -> list[Path]:
    return list(home.rglob("*-counters"))


def _tell(rows: list[dict[str, Any]], *new: dict[str, Any]) -> None:
    """Add rows, and show them at once: the last may take long."""
    rows += new
    for row in new:
        click.echo(row, err=True)


def _in_process(call: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, *arguments).result()


def _status_mb(name: str) -> float:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
