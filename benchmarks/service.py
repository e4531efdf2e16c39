"""Latency and throughput of the service over HTTP on loopback, closed loops of one or more clients.

    python -m benchmarks.service [--only ranklens] [--requests 2000] [--home DIR] [--json FILE]

The shops are made first where `--home` does not hold them: RankLens (its lists, 300 trees at most),
the Beauty catalogue (300 trees), a generated shop of 20,000 products, and that one on Elasticsearch
where `SEARCH_RERANK_ES_URL` names a server, beside the leanest pair of searches that asks the same
index for as many items by words and by vector (`msearch_leanest`). Searches are drawn from those of
the shop's log, 3,200 different texts, each as often as its shoppers searched for it; the server
knows none of an earlier run. `floor` is `GET /healthz` of the same process, one client: what HTTP
and the server cost without any work. State is SQLite, durable, as by default.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np

from benchmarks.common import options, report
from benchmarks.engines import ES_URL, forget_searches
from benchmarks.leanest import leanest
from benchmarks.loopback import Request, closed_loop, get, post
from benchmarks.ranklens import ATTRIBUTES
from benchmarks.serving import PORT, demo, generated, resident_mb, searched, served, workers_of
from search_rerank.bundle import load_bundle
from search_rerank.bundles import live_bundle
from search_rerank.config import load_config
from search_rerank.data.layouts import data_root
from search_rerank.data.ranklens import NAME as RANKLENS
from search_rerank.state.opening import open_state

BEAUTY = "amazon_beauty_5core"
PRODUCTS = 20_000
GENERATED = "generated"
TREES = {"trees": 300, "patience": 300}
SETTINGS: dict[str, dict[str, Any]] = {
    "ranklens": {
        "scorers": [{"name": "popularity"}],
        "features": {
            "attributes": list(ATTRIBUTES),
            "groups": ["item", "shown", "attributes", "user", "session"],  # lists have no query
        },
        "training": {
            "candidates": "shown",
            "ranker": "lambdamart",  # as Metarank's
            "trees": 300,
            "patience": 60,
            "learning_rate": 0.03,
            "min_rows": 100,
            "column_share": 0.5,
            "row_share": 0.7,
            "reg": 10.0,
        },
    },
    "beauty": {"training": TREES},
    "embedded": {"training": {"max_rankings": 3000, "max_test_rankings": 500}},
    "elasticsearch": {"training": {"max_rankings": 1000, "max_test_rankings": 200}},
}
Draw = Callable[[np.random.Generator], Request]
Rows = list[dict[str, Any]]


@click.command()
@options
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keeps the shops.")
@click.option("--requests", default=2000, show_default=True, type=click.IntRange(100, 100_000))
@click.option("--only", multiple=True, type=click.Choice(list(SETTINGS)), help="Some shops only.")
@click.option("--seed", default=0)
def main(
    home: Path | None,
    requests: int,
    only: tuple[str, ...],
    seed: int,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print percentiles and rates of each kind of request."""
    seconds: dict[str, float] = {}
    rows: Rows = []
    with ExitStack() as stack:
        home = home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in only or tuple(SETTINGS):
            if name == "elasticsearch" and not os.environ.get(ES_URL):
                click.echo(f"{name}: left out, {ES_URL} is not set", err=True)
                continue
            start = perf_counter()
            shop = made(home, name, data)
            seconds[f"make {name}"] = perf_counter() - start
            measured = _SHOPS[name](shop, requests, np.random.default_rng(seed))
            rows += [row | {"shop": name} for row in measured]
            seconds[name] = perf_counter() - start - seconds[f"make {name}"]
    about = (
        f"HTTP on loopback, closed loops, {requests} requests a row after 50 to warm up; clients "
        "and workers share the cores; known shoppers and items at random; 1 worker and 1 client "
        "where a row does not say otherwise"
    )
    report("service", about, rows, seconds, json_file)


def made(home: Path, name: str, data: Path | None) -> Path:
    """Return the home of one of the shops, made where it is missing."""
    if name in ("embedded", "elasticsearch"):
        folder = generated(home / GENERATED, PRODUCTS)
    else:
        folder = (data or data_root()) / {"ranklens": RANKLENS, "beauty": BEAUTY}[name]
    engine = "elasticsearch" if name == "elasticsearch" else "embedded"
    settings = SETTINGS[name]
    if name == "elasticsearch":
        settings = settings | {"engine": {"url": os.environ[ES_URL]}}
    return demo(home / name, folder, engine, settings)


def _reranked(shop: Path, requests: int, rng: np.random.Generator) -> Rows:
    """Rerank random known items for random known shoppers, on 1 worker, then 2 with 4 clients."""
    users, items = known(shop)
    trees = _trees(shop)

    def draw(n: int, rng: np.random.Generator) -> Request:
        chosen = rng.choice(len(items), n, replace=False)
        user = users[int(rng.integers(len(users)))]
        body = {"items": [items[row] for row in chosen.tolist()], "user": user}
        return post("/rerank", body)

    rows = []
    with served(shop, workers=1):
        rows.append(_loop("floor", lambda _: get("/healthz"), requests, 1, rng))
        for n in (100, 300):
            rows.append(_loop(f"rerank_{n}", partial(draw, n), requests, 1, rng))
    with served(shop, workers=2):
        draw_100 = partial(draw, 100)
        rows.append(_loop("rerank_100_4_clients, 2 workers", draw_100, requests * 2, 4, rng))
    return [row | {"trees": trees} for row in rows]


def _searched(shop: Path, requests: int, rng: np.random.Generator) -> Rows:
    """Search for what its shoppers searched for, then post events, on 1 and on 2 workers."""
    users, items = known(shop)
    texts = searched(shop.parents[1] / GENERATED)

    def draw(rng: np.random.Generator) -> Request:
        body = {
            "query": texts[int(rng.integers(len(texts)))],
            "user": users[int(rng.integers(len(users)))],
            "size": 10,
        }
        return post("/search", body)

    def events(rng: np.random.Generator) -> Request:
        who, what = rng.integers(len(users), size=100), rng.integers(len(items), size=100)
        chosen = zip(who.tolist(), what.tolist(), strict=True)
        return post(
            "/events", [{"user": users[u], "item": items[i], "type": "click"} for u, i in chosen]
        )

    name = "search_elasticsearch" if "elasticsearch" in shop.name else "search_embedded"
    forget_searches()
    with served(shop, workers=1):
        rows = [
            _loop("floor", lambda _: get("/healthz"), requests, 1, rng),
            _loop(name, draw, requests, 1, rng),
        ]
    if "elasticsearch" in shop.name:
        drawn = [texts[n] for n in rng.integers(len(texts), size=requests + 50).tolist()]
        rows.append(leanest(shop, drawn))
    with served(shop, workers=2) as server:
        rows.append(_loop(f"{name}_8_clients, 2 workers", draw, requests * 4, 8, rng))
        batches = _loop("events_100, 2 workers", events, max(requests // 10, 100), 2, rng)
        memory = max(resident_mb(pid) for pid in workers_of(server))
        rows += [batches | {"per_s": batches["per_s"] * 100, "resident_mb": memory}]
    return rows


def _loop(
    name: str, draw: Draw, requests: int, clients: int, rng: np.random.Generator
) -> dict[str, Any]:
    each = requests // clients + 50
    return closed_loop(PORT, [[draw(rng) for _ in range(each)] for _ in range(clients)]).row(name)


def known(shop: Path) -> tuple[Sequence[str], Sequence[str]]:
    """Return the 200 shoppers with the longest histories, who cost most, and all items."""
    config = load_config(shop / "config.toml")
    with closing(open_state(config)) as state:
        users = [user for user, _ in state.shoppers(200)]
    return users, list(load_bundle(_live(shop)).catalogue.ids.ids())


def _trees(shop: Path) -> int:
    """Return how many trees the fusion that serves has."""
    fusion = _live(shop) / "fusions" / "main" / load_bundle(_live(shop)).ranker.name
    texts = (path.read_text(encoding="utf-8") for path in fusion.rglob("reranker.txt"))
    return sum(text.count("\nTree=") for text in texts)


def _live(shop: Path) -> Path:
    found = live_bundle(shop / "bundles")
    if found is None:
        raise click.ClickException(f"{shop}: no live bundle")
    return found


_SHOPS = {
    "ranklens": _reranked,
    "beauty": _reranked,
    "embedded": _searched,
    "elasticsearch": _searched,
}

if __name__ == "__main__":
    main()
