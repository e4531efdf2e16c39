"""Searches that never pause while a catalogue is loaded, changed, promoted and rolled back.

`python -m benchmarks.swap`: a row for each engine (Elasticsearch where SEARCH_RERANK_ES_URL names
one) with the searches made, those that failed or found nothing, and the time of the slowest 1 %.
"""

from __future__ import annotations

import os
import tempfile
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import orjson

from benchmarks.common import options, percentiles, report
from benchmarks.engines import ES_URL
from index_tools.changes import Changes
from index_tools.load import load
from index_tools.versions import promote, prune, rollback
from search_rerank.config import Config, EngineConfig
from search_rerank.data.item import parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Retrieve
from search_rerank.errors import SearchRerankError

COLOURS = ("red", "blue", "green", "black", "white", "silver")
KINDS = ("running shoes", "leather boots", "matte lipstick", "face cream", "tea kettle")


@dataclass
class Counts:
    """What the clients saw, and which live changes were missing afterwards."""

    milliseconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    empty: int = 0
    lost: list[str] = field(default_factory=list)

    def row(self, engine: str) -> dict[str, Any]:
        """Return the row of the table."""
        return {
            "engine": engine,
            "searches": len(self.milliseconds),
            "failed": len(self.failed),
            "empty": self.empty,
            "lost_changes": len(self.lost),
            "p99_ms": percentiles(self.milliseconds or [0.0])["p99_ms"],
        }


def catalogue(path: Path, items: int) -> None:
    """Write a catalogue in which every word of `COLOURS` and `KINDS` is found many times."""
    rows = (
        {
            "id": f"P{n}",
            "title": f"{COLOURS[n % 6]} {KINDS[n % 5]} model {n}",
            "price": 1.0 + n % 100,
            "attributes": {"colour": COLOURS[n % 6]},
        }
        for n in range(items)
    )
    path.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))


def swap(config: Config, file: Path, rounds: int, clients: int = 4) -> Counts:
    """Load, change, promote and roll back, `rounds` times, while clients search.

    Parameters
    ----------
    config
        Home folder and engine; its index is made here.
    file
        What `catalogue` wrote.
    rounds
        How often.
    clients
        Threads that search, each with an engine of its own.
    """
    counts, stop = Counts(), threading.Event()
    with closing(open_engine(config)) as engine, closing(open_engine(config)) as other:
        load(config, file, engine, promote=True)
        changes = Changes(config, other)
        with _searching(config, counts, stop, clients):
            for turn in range(rounds):
                new, price = f"N{turn}", 1000.0 + turn
                once = iter([True])

                def meddle(what: str, done: int, total: int, *, once: Any = once) -> None:
                    if what == "write" and next(once, False):
                        changes.put([parse_item({"id": new, "title": "a new silver tea kettle"})])  # noqa: B023
                        changes.patch([{"id": "P0", "price": price}])  # noqa: B023

                loaded = load(config, file, engine, progress=meddle)
                promote(config, engine, loaded.version)
                rollback(engine)
                promote(config, engine, loaded.version)
                prune(config, engine, keep=0)
                put, patched = engine.lookup([new, "P0"])
                if put is None:
                    counts.lost.append(f"{new} put during the load of {loaded.version}")
                if patched is None or patched.item.price != price:
                    counts.lost.append(f"P0 patched during the load of {loaded.version}")
    return counts


@contextmanager
def _searching(
    config: Config, counts: Counts, stop: threading.Event, clients: int
) -> Iterator[None]:
    threads = [
        threading.Thread(target=_search, args=(config, counts, stop, n)) for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _search(config: Config, counts: Counts, stop: threading.Event, n: int) -> None:
    texts: Sequence[str] = [f"{colour} {kind}" for colour in COLOURS for kind in KINDS]
    with closing(open_engine(config)) as engine:
        while not stop.is_set():
            n += 1
            start = perf_counter()
            try:
                found = engine.retrieve(Retrieve(texts[n % len(texts)], k=20))
            except SearchRerankError as error:
                counts.failed.append(str(error))
            else:
                counts.empty += not len(found)
                counts.failed += [reason for _, reason in found.degraded]
            counts.milliseconds.append(1000 * (perf_counter() - start))


@click.command()
@options
@click.option("--items", default=5_000, show_default=True, help="Products of the catalogue.")
@click.option("--rounds", default=3, show_default=True, help="Loads, each promoted twice.")
def main(data: Path | None, json_file: Path | None, items: int, rounds: int) -> None:
    """Search without pause while the index is swapped."""
    if data is not None:
        raise click.UsageError("this benchmark makes its own catalogue: leave --data out")
    rows, seconds = [], {}
    index = f"benchmark-{uuid.uuid4().hex[:10]}"
    kinds = [EngineConfig(kind="embedded", index=index)]
    if url := os.environ.get(ES_URL):
        kinds.append(EngineConfig(kind="elasticsearch", index=index, url=url, timeout_s=60))
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "catalogue.jsonl"
            catalogue(file, items)
            start = perf_counter()
            counts = swap(Config(home=Path(folder) / "home", engine=kind), file, rounds)
            rows.append(counts.row(kind.kind))
            seconds[kind.kind] = perf_counter() - start
            if kind.kind == "elasticsearch":
                drop_index(kind)
    protocol = (
        f"{items} products, {rounds} loads, each promoted, rolled back and promoted; 4 clients"
    )
    report("swap", protocol, rows, seconds, json_file)


def drop_index(config: EngineConfig) -> None:
    """Delete all versions of an index on a server."""
    import elasticsearch

    with elasticsearch.Elasticsearch(list(config.urls)) as client:
        for name in client.indices.get(index=f"{config.index}-*"):
            client.indices.delete(index=name)


if __name__ == "__main__":
    main()
