"""How fast a catalogue is written, and in how much memory, at two sizes.

    python -m benchmarks.indexing [--sizes 20000,200000] [--repeats 1] [--json FILE] [--data DIR]

The products are those of `chorus_icecat`, over and over with ids of their own. Every row is
measured in a process of its own. Elasticsearch is measured where SEARCH_RERANK_ES_URL names a
server, beside `raw`: `elasticsearch.helpers.parallel_bulk` of the same documents, made beforehand.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import click
import numpy as np

from benchmarks.common import options, report
from benchmarks.engines import ES_URL

DIM = 256
ATTRIBUTES = ("product_colour", "type")
"""What can be filtered on, of 5,000 attributes: a server limits the fields of an index."""
LOADED = (*ATTRIBUTES, "mpn", "released")
"""Attributes kept in the file of the loads, which can filter on all that they find."""
Measured = dict[str, float]


@click.command()
@options
@click.option("--sizes", default="20000,200000", show_default=True, help="Numbers of products.")
@click.option(
    "--repeats", default=1, show_default=True, help="Runs of each row; the median counts."
)
@click.option("--loads/--no-loads", default=True, help="Whether to measure loads of files, too.")
def main(sizes: str, repeats: int, loads: bool, data: Path | None, json_file: Path | None) -> None:
    """Print documents per second and peak memory of both engines."""
    kinds = ["embedded", *(["elasticsearch"] if os.environ.get(ES_URL) else [])]
    rows: list[dict[str, Any]] = []
    seconds: dict[str, float] = {}
    for size in [int(part) for part in sizes.split(",")]:
        start = perf_counter()
        jobs: dict[str, Callable[..., Measured]] = {}
        if "elasticsearch" in kinds:
            jobs["raw"] = raw
        jobs |= dict.fromkeys(kinds, written)
        # In turn, so that what else the machine does meanwhile meets all alike.
        runs = [
            {name: _apart(job, data, size, name) for name, job in jobs.items()}
            for _ in range(repeats)
        ]
        found = {
            name: {key: median(run[name][key] for run in runs) for key in runs[0][name]}
            for name in jobs
        }
        if "raw" in found:
            pace = found["raw"]["docs_per_s"]
            ratio = found["elasticsearch"]["docs_per_s"] / pace
            found["elasticsearch"] = {"docs_per_s": 0.0, "ratio_to_raw": ratio} | found[
                "elasticsearch"
            ]
        if loads:
            with tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch) / "catalogue.jsonl"
                _apart(made, data, size, str(file))
                for kind in kinds:
                    found[f"{kind} load"] = _apart(loaded, file, size, kind)
        rows += [{"system": name, "products": size, **values} for name, values in found.items()]
        seconds[f"{size}"] = perf_counter() - start
    protocol = (
        f"Icecat products with random {DIM}-d vectors, all compared (flat), 1 shard; from the "
        "first write to the end of the seal (raw: of the refresh), without reading or encoding; "
        "`load`: a JSON lines file, read, encoded, written, verified; peak_mb: the client's process"
    )
    report("indexing", protocol, rows, seconds, json_file)


def written(data: Path | None, size: int, kind: str) -> Measured:
    """Write through an engine, as a load does."""
    from search_rerank.engines import open_engine

    with tempfile.TemporaryDirectory() as home:
        config = _config(Path(home), kind)
        with closing(open_engine(config)) as engine:
            version = engine.create(_schema())
            writing = 0.0
            try:
                for part in _documents(data, size, config.load.batch):
                    start = perf_counter()
                    outcomes = engine.write(version, part)
                    writing += perf_counter() - start
                    if any(outcome.status != "written" for outcome in outcomes):
                        raise SystemExit(f"not written: {outcomes}")
                start = perf_counter()
                engine.seal(version)
                sealing = perf_counter() - start
                if engine.count(version) != size:
                    raise SystemExit(f"expected {size} items, found {engine.count(version)}")
            finally:
                engine.drop(version)
    return _measured(size, writing, sealing)


def raw(data: Path | None, size: int, kind: str) -> Measured:
    """Write by the client's helper what was made beforehand."""
    from elasticsearch import Elasticsearch, helpers
    from elasticsearch.serializer import OrjsonSerializer

    from search_rerank.engines.elasticsearch.mapping import definition, source

    schema, index = _schema(), _name()
    documents = [
        {"_id": document.item.id, **source(replace(document, boost=1.0), schema)}
        for part in _documents(data, size, 500)
        for document in part
    ]
    with Elasticsearch(
        os.environ[ES_URL], serializer=OrjsonSerializer(), request_timeout=120
    ) as client:
        client.indices.create(index=index, **definition(schema, datetime.now(UTC), quantised=False))
        client.indices.put_settings(index=index, settings={"number_of_replicas": 0})
        try:
            start = perf_counter()
            for ok, result in helpers.parallel_bulk(
                client, documents, thread_count=2, chunk_size=500, max_chunk_bytes=5_000_000,
                index=index,
            ):  # fmt: skip
                if not ok:
                    raise SystemExit(f"not written: {result}")
            writing = perf_counter() - start
            start = perf_counter()
            client.indices.refresh(index=index)
            return _measured(size, writing, perf_counter() - start)
        finally:
            client.indices.delete(index=index)


def made(data: Path | None, size: int, file: str) -> Measured:
    """Write the catalogue that the loads read."""
    with Path(file).open("wb") as out:
        for item in _items(data, size):
            kept = {name: v for name, v in item.attributes.items() if name in LOADED}
            out.write(item.model_copy(update={"attributes": kept}).to_json() + b"\n")
    return {}


def loaded(file: Path, size: int, kind: str) -> Measured:
    """Load a file, encoding included."""
    from index_tools.load import load
    from search_rerank.engines import open_engine

    with tempfile.TemporaryDirectory() as home:
        config = _config(Path(home), kind)
        with closing(open_engine(config)) as engine:
            start = perf_counter()
            done = load(config, file, engine, force=True)
            seconds = perf_counter() - start
            engine.drop(done.version)
    return _measured(size, seconds, 0.0) | {"encoded": float(done.encoded)}


def _apart(job: Callable[..., Measured], *args: Any) -> Measured:
    """Run a job in a new process: its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(job, args)


def _measured(size: int, writing: float, sealing: float) -> Measured:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pace = size / (writing + sealing)
    return {"docs_per_s": pace, "peak_mb": peak, "write_s": writing, "seal_s": sealing}


def _documents(data: Path | None, size: int, batch: int) -> Iterator[list[Any]]:
    from search_rerank.engines.base import Document
    from search_rerank.indexing import batches

    rng = np.random.default_rng(0)
    for part in batches(_items(data, size), batch):
        vectors = rng.normal(size=(len(part), DIM)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        yield [Document(item, vectors[n], 1.0) for n, item in enumerate(part)]


def _items(data: Path | None, size: int) -> Iterator[Any]:
    from search_rerank.data.chorus import NAME, read_chorus
    from search_rerank.data.layouts import data_root

    items = read_chorus(data or data_root() / NAME).items
    for n in range(size):
        item = items[n % len(items)]
        yield item.model_copy(update={"id": f"{item.id}-{n // len(items)}"})


def _schema() -> Any:
    from search_rerank.engines.base import IndexSchema

    return IndexSchema(DIM, "random", ATTRIBUTES)


def _config(home: Path, kind: str) -> Any:
    from search_rerank.config import Config, EngineConfig

    url = os.environ.get(ES_URL, "")
    engine = EngineConfig(kind=kind, index=_name(), url=url, timeout_s=60)  # type: ignore[arg-type]
    return Config(home=home, engine=engine)


def _name() -> str:
    return f"benchmark-{uuid.uuid4().hex[:10]}"


if __name__ == "__main__":
    main()
