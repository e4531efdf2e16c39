"""What pages cost: the first, later ones by their cursor, and the same place by `from`.

    python -m benchmarks.pages [--home DIR] [--engine embedded] [--walks 30] [--json FILE]

`--home` keeps the demo, which is made first where it is missing. `signed` and `read` are the
cursor alone, in this process.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from benchmarks.common import options, percentiles, report
from benchmarks.loopback import Client
from benchmarks.serving import PORT, demo, served
from search_rerank.config import load_config
from service.cursor import Cursors

SIZE = 20
PAGES = (1, 2, 10, 11, 50)
"""Of 20 items; with a window of 200 the eleventh is the first past it."""
FROM = 2


@click.command()
@options
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keeps the demo.")
@click.option("--engine", default="embedded", type=click.Choice(["embedded", "elasticsearch"]))
@click.option("--walks", default=30, show_default=True, type=click.IntRange(3, 10_000))
def main(
    home: Path | None, engine: str, walks: int, data: Path | None, json_file: Path | None
) -> None:
    """Print the latency of pages and the length of their cursors."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        start = perf_counter()
        home = demo(home or Path(scratch), data, engine)
        seconds["demo"] = perf_counter() - start
        start = perf_counter()
        with served(home, workers=1), Client(PORT) as client:
            rows = _measure(client, walks)
        rows += _alone(home, rows.pop()["cursor"])
        seconds["walks"] = perf_counter() - start
    protocol = (
        f"POST /search over HTTP on loopback, engine {engine}, one client, {walks} walks after 2 "
        f"to warm up, each of another shopper through pages of {SIZE} of the whole shop, 200 "
        "candidates frozen, 1 worker; characters is the mean length of the cursor that leads to "
        "the page"
    )
    report("pages", protocol, rows, seconds, json_file)


def _measure(client: Client, walks: int) -> list[dict[str, Any]]:
    """Return a row for each page, and last one that holds a cursor."""
    took: dict[str, list[float]] = defaultdict(list)
    lengths: dict[str, list[int]] = defaultdict(list)
    kept = ""
    for walk in range(walks + 2):
        body: dict[str, Any] = {"user": f"u{walk + 1:05}", "size": SIZE}
        asked = body
        for page in range(1, max(PAGES) + 1):
            begun = perf_counter()
            status, answer = client.post("/search", asked)
            ms = (perf_counter() - begun) * 1000
            if status != 200:
                raise SystemExit(f"POST /search answered {status}: {answer}")
            if walk > 1 and page in PAGES:
                took[f"page {page}"].append(ms)
                lengths[f"page {page}"].append(len(asked.get("cursor", "")))
            cursor = answer["cursor"]
            if cursor is None:
                break
            kept, asked = (cursor if page == 1 else kept), {"cursor": cursor}
        begun = perf_counter()
        client.post("/search", body | {"from": SIZE * (FROM - 1)})
        if walk > 1:
            took[f"page {FROM} by from"].append((perf_counter() - begun) * 1000)
    rows: list[dict[str, Any]] = [
        {
            "system": name,
            **percentiles(times),
            "characters": float(np.mean(lengths[name])) if name in lengths else 0.0,
        }
        for name, times in took.items()
    ]
    return [*rows, {"cursor": kept}]


def _alone(home: Path, text: str, times: int = 300) -> list[dict[str, Any]]:
    """Return what it takes to sign and to read the cursor of a second page."""
    cursors = Cursors(load_config(home / "config.toml"))
    cursor = cursors.open(text, "search", 0)
    signed, read = [], []
    for _ in range(times):
        begun = perf_counter()
        cursors.seal(cursor)
        signed.append((perf_counter() - begun) * 1000)
        begun = perf_counter()
        cursors.open(text, "search", 0)
        read.append((perf_counter() - begun) * 1000)
    own = (("signed", signed), ("read", read))
    return [
        {"system": name, **percentiles(spent), "characters": float(len(text))}
        for name, spent in own
    ]


if __name__ == "__main__":
    main()
