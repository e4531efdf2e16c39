"""Shops that are made once for benchmarks, and the service that runs over one for some time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import orjson
import tomli_w

from benchmarks.loopback import Client
from search_rerank.data.shop import generate, write_shop

PORT = 8765
QUERIES = ("shoes", "running shoes", "headphones", "jacket", "lamp", "mug", "t-shirt", "football")
"""A few of the generated shop's, where it does not matter which."""


def generated(folder: Path, products: int) -> Path:
    """Return a folder with a generated shop of so many products, made where it is missing."""
    if not folder.is_dir():
        write_shop(generate(products=products, shoppers=4000, events=200_000), folder)
    return folder


def searched(folder: Path) -> list[str]:
    """Return what the shoppers of a generated shop searched for, each text as often as they did."""
    with (folder / "events.jsonl").open("rb") as lines:
        rows = map(orjson.loads, lines)
        return [row["query"] for row in rows if row["event"] == "ranking" and row.get("query")]


def demo(
    scratch: Path,
    data: Path | None = None,
    engine: str = "embedded",
    settings: Mapping[str, Any] | None = None,
) -> Path:
    """Return the home of a demo over some data, made where it is missing.

    Parameters
    ----------
    scratch
        A folder of its own for this demo.
    data
        Folder of a data set; the generated shop of `search-rerank demo` where left out.
    settings
        Nested settings that differ from the defaults.
    """
    homes = [path for path in scratch.glob("*") if (path / "config.toml").is_file()]
    if homes:
        return homes[0]
    scratch.mkdir(parents=True, exist_ok=True)
    config = scratch / "settings.toml"
    config.write_text(tomli_w.dumps(settings or {}), encoding="utf-8")
    command = [sys.executable, "-m", "search_rerank", "--config", str(config), "demo"]
    command += ["--no-serve", "--engine", engine, "--home", str(scratch)]
    command += ["--data", str(data)] if data else []
    subprocess.run(command, check=True, stdout=sys.stderr)
    return next(path for path in scratch.iterdir() if (path / "config.toml").is_file())


@contextmanager
def served(home: Path, workers: int, port: int = PORT) -> Iterator[subprocess.Popen[bytes]]:
    """Serve a demo's home on loopback for the time of the block, once its trees are compiled."""
    command = [sys.executable, "-m", "search_rerank", "--config", str(home / "config.toml")]
    command += ["serve", "--port", str(port), "--workers", str(workers)]
    server = subprocess.Popen(command, stdout=sys.stderr)
    try:
        _wait(server, port)
        yield server
    finally:
        server.terminate()
        server.wait(60)


def workers_of(server: subprocess.Popen[bytes]) -> list[int]:
    """Return the process ids of a service's workers."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = path.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            except OSError:  # it has ended meanwhile
                continue
            if int(parent) == server.pid:
                found.append(int(path.name))
    return found


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _compiled(client: Client) -> bool:
    """Return whether no worker has trees that are not machine code yet, as they are soon."""
    workers = orjson.loads(client.get("/bundles")[1])["workers"]
    return all(worker["compiled"] is not False for worker in workers)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        if server.poll() is not None:
            raise SystemExit(f"the service ended with {server.returncode}")
        try:
            with Client(port) as client:
                if client.get("/readyz")[0] == 200 and _compiled(client):
                    return
        except OSError:
            pass
        sleep(0.1)
    raise SystemExit("the service was not ready within 60 s")
