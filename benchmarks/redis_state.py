"""A state on a Redis server: events acknowledged a second, reads, memory, and starting a worker.

    python -m benchmarks.redis_state [--events N] [--durability full|normal] [--url URL] [--json F]

Starts a `redis-server` of its own on a free port, unless `--url` names one that is empty. Shoppers
of 20 events each, in sessions of five under their names; items and queries of falling popularity.

`append`: batches of 100, one after the other, each acknowledged as the durability says; `server_us`
and `worker_us` are the processors' microseconds for an event, which other work on the machine
changes less than the rate. `history`: the newest 50 of a random shopper. `counts`: item, query and
similar counters of 200 items. `news`: the same right after another process appended an event.
`start`: a new worker counts the whole log, and with a snapshot. `rss_mb` is what a worker has in
memory more than before, `bytes_per_event` what the server has (INFO memory).
"""

from __future__ import annotations

import resource
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
import redis

from benchmarks.common import options, percentiles, report
from search_rerank.data.event import GAINS, Interaction
from search_rerank.state.redis import following
from search_rerank.state.redis.server import Durability
from search_rerank.state.redis.state import RedisState

BATCH = 100
ITEMS, QUERIES = 20_000, 5_000
OF_SHOPPER, OF_SESSION = 20, 5
ASKED = 2_000
START_MS = 1_700_000_000_000


@contextmanager
def server(folder: Path, durability: Durability) -> Iterator[str]:
    """Run a server in a folder; its address."""
    program = shutil.which("redis-server")
    if program is None:
        raise click.ClickException("no redis-server: install it, or name a server with --url")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fsync = "always" if durability == "full" else "everysec"
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
         "--appendonly", "yes", "--appendfsync", fsync, "--loglevel", "warning"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(1)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(60)


def batches(events: int, rng: np.random.Generator) -> Iterator[list[Interaction]]:
    """Yield batches of the log, in time order."""
    shoppers = max(events // OF_SHOPPER, 1)
    for begin in range(0, events, BATCH):
        who = rng.integers(0, shoppers, BATCH)
        item = (ITEMS * rng.random(BATCH) ** 3).astype(int)
        query = (QUERIES * rng.random(BATCH) ** 3).astype(int)
        yield [
            Interaction.model_construct(
                id=f"{begin + n:032x}",
                user=f"user-{who[n]:07d}",
                session=f"session-{who[n]:07d}-{(begin + n) * OF_SHOPPER // OF_SESSION // events}",
                item=f"item-{item[n]:06d}",
                type="click",
                time_ms=START_MS + (begin + n) * 100,
                query=f"shoes of kind {query[n]}",
                ranking=None,
            )
            for n in range(BATCH)
        ]


def times(ask: Callable[[], object], n: int) -> dict[str, float]:
    """Return percentiles of n calls."""
    took = []
    for _ in range(n):
        start = perf_counter()
        ask()
        took.append(1000 * (perf_counter() - start))
    return percentiles(took)


def processor_s(client: redis.Redis) -> float:
    """Return the processor seconds that a server has used."""
    used: Any = client.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


def resident_mb() -> float:
    """Return the most memory that this process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(url: str, events: int, durability: Durability, folder: Path) -> list[dict[str, Any]]:
    """Return the rows."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    following._SNAPSHOT_ROWS = 1
    client = redis.Redis.from_url(url)
    options = {"durability": durability, "timeout_s": 60.0}
    state = RedisState(GAINS, url, **options)
    state.mark()
    before: Any = client.info("memory")["used_memory"]
    took, mine, theirs = [], 0.0, processor_s(client)
    for batch in batches(events, rng):
        start, begun = perf_counter(), time.process_time()
        state.append(batch)
        took.append(perf_counter() - start)
        mine += time.process_time() - begun
    theirs = processor_s(client) - theirs
    used: Any = client.info("memory")["used_memory"]
    per_s = len(took) * BATCH / sum(took)
    costs = {"server_us": 1e6 * theirs / events, "worker_us": 1e6 * mine / events}
    batch_ms = percentiles([1000 * one for one in took])
    rows.append({"row": "append", "per_s": per_s, **batch_ms, **costs})
    rows.append({"row": "memory", "bytes_per_event": (used - before) / state.mark()})

    resident = resident_mb()
    start = perf_counter()
    now_ms = START_MS + events * 100
    snapshot = folder / "counters"
    with closing(RedisState(GAINS, url, snapshot=snapshot, **options)) as worker:
        worker.item_counts(["item-000001"], now_ms)
        took_s = perf_counter() - start
        rows.append({"row": "start", "s": took_s, "rss_mb": resident_mb() - resident})
        worker.maintain(now_ms)
    start = perf_counter()
    with closing(RedisState(GAINS, url, snapshot=snapshot, **options)) as worker:
        worker.item_counts(["item-000001"], now_ms)
        rows.append({"row": "start_snapshot", "s": perf_counter() - start})

        shoppers = iter(rng.integers(0, max(events // OF_SHOPPER, 1), ASKED).tolist())
        read = times(lambda: worker.history(f"user-{next(shoppers):07d}", None, 50), ASKED)
        rows.append({"row": "history", **read})
        asked = [f"item-{n:06d}" for n in rng.integers(0, ITEMS, 200).tolist()]
        query = "shoes of kind 7"

        def counts() -> None:
            worker.item_counts(asked, now_ms)
            worker.query_counts(query, asked, now_ms)
            worker.similar_counts(query, asked, now_ms)

        rows.append({"row": "counts", **times(counts, ASKED // 4)})
        late = (batch[:1] for batch in batches(10**9, rng))

        def news() -> float:
            (event,) = next(late)
            state.append([event.model_copy(update={"id": f"late {event.id}"})])
            start = perf_counter()
            counts()
            return 1000 * (perf_counter() - start)

        rows.append({"row": "news", **percentiles([news() for _ in range(ASKED // 4)])})
    state.close()
    client.close()
    return rows


@click.command()
@click.option("--events", default=1_000_000, help="Events of the log.")
@click.option("--durability", type=click.Choice(["full", "normal"]), default="full")
@click.option("--url", help="A server that is there already, and empty.")
@options
def main(
    events: int, durability: Durability, url: str | None, data: Path | None, json_file: Path | None
) -> None:
    """Measure a state on a Redis server."""
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if url is None:
            with server(Path(folder), durability) as own:
                rows = measured(own, events, durability, Path(folder))
        else:
            rows = measured(url, events, durability, Path(folder))
    protocol = f"{events:,} events, batches of {BATCH}, durability {durability}"
    report("redis_state", protocol, rows, {"all": perf_counter() - start}, json_file)


if __name__ == "__main__":
    main()
