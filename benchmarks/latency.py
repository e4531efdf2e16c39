"""Latency of `POST /search` over HTTP, one request after another, and where the time goes.

    python -m benchmarks.latency [--home DIR] [--engine embedded] [--requests 500] [--json FILE]

`--home` is the folder of a demo, such as `.demo/shop-embedded`; without it one is made first. The
floor is `GET /healthz` of the same process: what HTTP and the server cost without any search.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
import orjson

from benchmarks.common import options, percentiles, report
from benchmarks.loopback import Client, get, post
from benchmarks.service import known
from benchmarks.serving import PORT, QUERIES, demo, served

_WARM = 50


@click.command()
@options
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="A demo's folder.")
@click.option("--engine", default="embedded", type=click.Choice(["embedded", "elasticsearch"]))
@click.option("--requests", default=500, show_default=True, type=click.IntRange(50, 20_000))
@click.option("--query", multiple=True, help="What to search for; words of the demo shop if none.")
@click.option("--seed", default=0)
def main(
    home: Path | None,
    engine: str,
    requests: int,
    query: tuple[str, ...],
    seed: int,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print the latency of one sequential client and of each stage."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if home is None:
            start = perf_counter()
            home = demo(Path(scratch), data, engine)
            seconds["demo"] = perf_counter() - start
        users, _ = known(home)
        with served(home, workers=1):
            start = perf_counter()
            rows = _measure(engine, query or QUERIES, users, requests, np.random.default_rng(seed))
            seconds["requests"] = perf_counter() - start
    protocol = (
        f"POST /search over HTTP on loopback, one sequential client, {requests} requests after "
        f"{_WARM} to warm up, queries drawn from a short list, shoppers from the 200 with the "
        "longest histories, 200 candidates retrieved and reranked, 10 returned, 1 worker; stages "
        "are the server's own times"
    )
    report("latency", protocol, rows, seconds, json_file)


def _measure(
    engine: str,
    queries: Sequence[str],
    users: Sequence[str],
    requests: int,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    times: list[float] = []
    floor: list[float] = []
    stages: dict[str, list[float]] = defaultdict(list)
    with Client(PORT) as client:
        for n in range(requests + _WARM):
            body = {"query": str(rng.choice(queries)), "user": str(rng.choice(users)), "size": 10}
            took, answer = _timed(client, post("/search", body))
            least, _ = _timed(client, get("/healthz"))
            if n >= _WARM:
                times.append(took)
                floor.append(least)
                for stage, spent in orjson.loads(answer)["timings_ms"].items():
                    stages[stage].append(spent)
    rows: list[dict[str, Any]] = [
        {"system": engine, **percentiles(times), "per_s": 1000 / float(np.mean(times))},
        {"system": "floor", **percentiles(floor)},
    ]
    rows += [{"system": f"stage {name}", **percentiles(spent)} for name, spent in stages.items()]
    return rows


def _timed(client: Client, request: bytes) -> tuple[float, bytes]:
    start = perf_counter()
    status, answer = client.send(request)
    took = (perf_counter() - start) * 1000
    if status != 200:
        raise SystemExit(f"answered {status}: {answer[:300]!r}")
    return took, answer


if __name__ == "__main__":
    main()
