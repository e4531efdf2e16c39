"""Latency of `POST /search` over HTTP, one request after another, and where the time goes.

    python -m benchmarks.latency [--home DIR] [--engine embedded] [--requests 500] [--json FILE]

`--home` is the folder of a demo, such as `.demo/shop-embedded`; without it one is made first. The
floor is `GET /healthz` of the same process: what HTTP and the server cost without any search.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import click
import numpy as np
import orjson

from benchmarks.common import options, percentiles, report
from search_rerank.state.sqlite import SqliteState

PORT = 8765
QUERIES = ("shoes", "running shoes", "headphones", "jacket", "lamp", "mug", "t-shirt", "football")


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
            home = _demo(Path(scratch), data, engine)
            seconds["demo"] = perf_counter() - start
        server = _serve(home, engine)
        try:
            start = perf_counter()
            rng = np.random.default_rng(seed)
            rows = _measure(engine, query or QUERIES, _users(home), requests, rng)
            seconds["requests"] = perf_counter() - start
        finally:
            server.terminate()
            server.wait(20)
    protocol = (
        f"POST /search over HTTP on loopback, one sequential client, {requests} requests after 50 "
        "to warm up, queries drawn from a short list, shoppers from the 200 with the longest "
        "histories, 200 candidates retrieved and reranked, 10 returned, 1 worker; stages are the "
        "server's own times"
    )
    report("latency", protocol, rows, seconds, json_file)


def _demo(scratch: Path, data: Path | None, engine: str) -> Path:
    command = [sys.executable, "-m", "search_rerank", "demo", "--no-serve", "--engine", engine]
    command += ["--home", str(scratch)] + (["--data", str(data)] if data else [])
    subprocess.run(command, check=True, stdout=sys.stderr)
    return next(path for path in scratch.iterdir() if path.is_dir())


def _serve(home: Path, engine: str) -> subprocess.Popen[bytes]:
    config = home / "config.toml"
    command = [sys.executable, "-m", "search_rerank", "--config", str(config), "serve"]
    command += ["--port", str(PORT), "--workers", "1"]
    server = subprocess.Popen(command, stdout=sys.stderr)
    for _ in range(300):
        if server.poll() is not None:
            raise SystemExit(f"the service ended with {server.returncode}")
        try:
            status, _ = _call("GET", "/readyz")
            if status == 200:
                return server
        except OSError:
            pass
        sleep(0.1)
    server.terminate()
    raise SystemExit("the service was not ready within 30 s")


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
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    for n in range(requests + 50):
        body = {"query": str(rng.choice(queries)), "user": str(rng.choice(users)), "size": 10}
        start = perf_counter()
        answer = _post(connection, body)
        took = (perf_counter() - start) * 1000
        start = perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        if n >= 50:
            times.append(took)
            floor.append((perf_counter() - start) * 1000)
            for stage, spent in answer["timings_ms"].items():
                stages[stage].append(spent)
    connection.close()
    rows: list[dict[str, Any]] = [
        {"system": engine, **percentiles(times), "per_s": 1000 / float(np.mean(times))},
        {"system": "floor", **percentiles(floor)},
    ]
    rows += [{"system": f"stage {name}", **percentiles(spent)} for name, spent in stages.items()]
    return rows


def _users(home: Path) -> list[str]:
    """Return the shoppers with the longest histories: the ones that cost most."""
    state = SqliteState(home / "state.sqlite3", {})
    try:
        return [user for user, _ in state.shoppers(200)]
    finally:
        state.close()


def _post(connection: http.client.HTTPConnection, body: dict[str, Any]) -> Any:
    connection.request("POST", "/search", orjson.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(f"POST /search answered {response.status}: {content[:300]!r}")
    return orjson.loads(content)


def _call(method: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


if __name__ == "__main__":
    main()
