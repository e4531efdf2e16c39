"""Ten minutes of searches, events and catalogue changes: errors, latency, and memory at both ends.

    python -m benchmarks.soak [--minutes 10] [--clients 8] [--home DIR] [--json FILE]

The shop is the generated one of 20,000 products that `benchmarks.service` makes, embedded engine,
2 workers. Of the clients one posts events in batches of 20, one changes prices and stock ten times
a second, the others search. Memory is that of the larger worker, the mean of each minute's samples;
`memory_ratio` compares the last minute with the second.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import click
import numpy as np

from benchmarks.common import options, report
from benchmarks.loopback import Loop, Request, merged, post, timed_loop
from benchmarks.service import GENERATED, PRODUCTS, known, made
from benchmarks.serving import PORT, resident_mb, searched, served, workers_of

_SAMPLE_S = 2.0
_CHANGE_S = 0.1
Make = Callable[[int], Request]


@click.command()
@options
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keeps the shop.")
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.1, 600))
@click.option("--clients", default=8, show_default=True, type=click.IntRange(3, 64))
@click.option("--seed", default=0)
def main(
    home: Path | None,
    minutes: float,
    clients: int,
    seed: int,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print what came of each kind of request, and the workers' memory by the minute."""
    with ExitStack() as stack:
        home = home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shop = made(home, "embedded", data)
        makes = _makes(shop, clients, seed)
        server = stack.enter_context(served(shop, workers=2))
        start = perf_counter()
        loops, samples = _soaked(server, makes, minutes * 60)
        spent = perf_counter() - start
    kinds = {"events_20": loops[:1], "catalogue change": loops[1:2], "search": loops[2:]}
    rows: list[dict[str, Any]] = [merged(of, spent).row(kind) for kind, of in kinds.items()]
    rows += _memory(samples)
    about = (
        f"{minutes:g} minutes, {clients} clients, 2 workers, {PRODUCTS:,} products, embedded "
        "engine, 200 candidates reranked, 10 returned; everything on the same cores"
    )
    report("soak", about, rows, {"soak": spent}, json_file)


def _makes(shop: Path, clients: int, seed: int) -> list[Make]:
    users, items = known(shop)
    texts = searched(shop.parents[1] / GENERATED)
    told, changed = (np.random.default_rng([seed, n]) for n in range(2))

    def search(seed: int, n: int) -> Request:
        own = np.random.default_rng([seed, n])
        user = users[int(own.integers(len(users)))]
        text = texts[int(own.integers(len(texts)))]
        return post("/search", {"query": text, "user": user, "size": 10})

    def events(n: int) -> Request:
        who, what = told.integers(len(users), size=20), told.integers(len(items), size=20)
        pairs = zip(who.tolist(), what.tolist(), strict=True)
        return post(
            "/events", [{"user": users[u], "item": items[i], "type": "click"} for u, i in pairs]
        )

    def change(n: int) -> Request:
        sleep(_CHANGE_S)
        item = items[int(changed.integers(len(items)))]
        body = {"price": float(changed.integers(100, 9_999)) / 100, "in_stock": bool(n % 7)}
        return post(f"/items/{item}", body, "PATCH")

    searches: list[Make] = [lambda n, seed=seed: search(seed, n) for seed in range(clients - 2)]  # type: ignore[misc]
    return [events, change, *searches]


def _soaked(
    server: subprocess.Popen[bytes], makes: Sequence[Make], seconds: float
) -> tuple[list[Loop], list[tuple[float, float]]]:
    """Return the loop of each client, and the larger worker's memory at moments from the start."""
    loops: list[Loop] = [Loop() for _ in makes]
    samples: list[tuple[float, float]] = []
    start = perf_counter()

    def run(place: int, make: Make) -> None:
        loops[place] = timed_loop(PORT, make, start + seconds)

    threads = [Thread(target=run, args=pair) for pair in enumerate(makes)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        largest = max(map(resident_mb, workers_of(server)))
        samples.append((perf_counter() - start, largest))
        sleep(_SAMPLE_S)
    return loops, samples


def _memory(samples: Sequence[tuple[float, float]]) -> list[dict[str, Any]]:
    minutes: dict[int, list[float]] = {}
    for at, size in samples:
        minutes.setdefault(int(at // 60), []).append(size)
    means = [float(np.mean(sizes)) for sizes in minutes.values() if len(sizes) > 5]
    rows: list[dict[str, Any]] = [
        {"system": f"minute {n}", "resident_mb": mean} for n, mean in enumerate(means, start=1)
    ]
    if len(means) > 2:
        rows.append({"system": "last to second", "memory_ratio": means[-1] / means[1]})
    return rows


if __name__ == "__main__":
    main()
