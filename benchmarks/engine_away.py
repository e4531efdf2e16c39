"""Searches while Elasticsearch is killed and comes back, and while it hangs, over HTTP on loopback.

    SEARCH_RERANK_ES_URL=http://127.0.0.1:9200 python -m benchmarks.engine_away [--home DIR]

The server itself is left alone: the service asks it through a proxy that is cut for `--away`
seconds. Clients send searches that the workers have answered before, and ones that they have not.

`stale` are answers of what was last found; `5xx_known` errors on searches that were answered
before; `503_unknown` the others' refusals, all with Retry-After; `after_s` how long after the
engine's return each worker's answers were fresh again.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlsplit

import click
import orjson

from benchmarks.common import options, percentiles, report
from benchmarks.engines import ES_URL
from benchmarks.loopback import Client, Request, get
from benchmarks.proxy import Proxy, proxied
from benchmarks.serving import PORT, demo, generated, served

PROXY_PORT = 19_765
PRODUCTS = 2_000
WORDS = ("shoes", "running shoes", "headphones", "jacket", "lamp", "mug", "t-shirt", "football")
USERS = 20
CLIENTS = 4
PAUSE_S = 0.02
"""Between two requests of a client: a load that two workers can bear."""
SETTINGS = {
    "engine": {"url": f"http://127.0.0.1:{PROXY_PORT}"},
    "training": {"max_rankings": 500, "max_test_rankings": 100},
}


@click.command()
@options
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Keeps the shop.")
@click.option("--away", default=10.0, show_default=True, type=click.FloatRange(1, 120))
def main(home: Path | None, away: float, data: Path | None, json_file: Path | None) -> None:
    """Print what was answered while the engine was away, and how soon it was back."""
    url = os.environ.get(ES_URL)
    if not url:
        raise click.ClickException(f"expected the address of a server in {ES_URL}, found none")
    parts = urlsplit(url)
    rows = []
    seconds: dict[str, float] = {}
    with ExitStack() as stack:
        scratch = home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        proxy = stack.enter_context(proxied(parts.hostname or "", parts.port or 9200, PROXY_PORT))
        shop = data or generated(scratch / f"shop-{PRODUCTS}", PRODUCTS)
        demo_home = demo(scratch / "away", shop, "elasticsearch", SETTINGS)
        for system, leave in (("killed", Proxy.cut), ("hanging", Proxy.hang)):
            begun = perf_counter()
            with served(demo_home, workers=2):
                rows.append(_row(system, proxy, leave, away))
            seconds[system] = perf_counter() - begun
    protocol = (
        f"{CLIENTS} clients, half of them with {len(WORDS)} searches that were answered before and "
        f"half with new ones; 2 workers; the engine away for {away:g} s"
    )
    report("engine_away", protocol, rows, seconds, json_file)


def _row(
    system: str, proxy: Proxy, leave: Callable[[Proxy], None], away_s: float
) -> dict[str, Any]:
    for _ in range(6):  # each on a connection of its own, so that both workers know all of them
        for word in WORDS:
            with Client(PORT) as client:
                client.send(_search(word, 0))
    loops = [_Loop(known=n % 2 == 0, number=n) for n in range(CLIENTS)]
    threads = [Thread(target=loop.run) for loop in loops]
    for thread in threads:
        thread.start()
    sleep(2)
    leave(proxy)
    left_s = perf_counter()
    sleep(away_s)
    proxy.mend()
    mended_s = perf_counter()
    sleep(8)
    for loop in loops:
        loop.goes_on = False
    for thread in threads:
        thread.join()
    return _counted(system, loops, left_s, mended_s)


class _Loop:
    """One client, with a new connection for each request: any worker may answer it."""

    def __init__(self, known: bool, number: int) -> None:
        self.known = known
        self.goes_on = True
        self.answers: list[tuple[float, int, bool, bool, float]] = []
        """When it was sent, its status, whether it is stale, has Retry-After; what it took."""
        self._number = number

    def run(self) -> None:
        n = 0
        while self.goes_on:
            n += 1
            word = WORDS[n % len(WORDS)] if self.known else f"{WORDS[0]} {self._number} {n}"
            begun = perf_counter()
            with Client(PORT) as client:
                status, body = client.send(_search(word, n % USERS))
            took_ms = (perf_counter() - begun) * 1000
            found = orjson.loads(body)
            stale = bool(found.get("stale"))
            self.answers.append((begun, status, stale, "try again" in body.decode(), took_ms))
            sleep(PAUSE_S)


def _counted(system: str, loops: Sequence[_Loop], left_s: float, mended_s: float) -> dict[str, Any]:
    known = [one for loop in loops if loop.known for one in loop.answers]
    unknown = [one for loop in loops if not loop.known for one in loop.answers]
    meanwhile = [one for one in [*known, *unknown] if left_s <= one[0] < mended_s]
    late = [one[0] for one in [*known, *unknown] if one[0] >= left_s and (one[2] or one[1] >= 500)]
    return {
        "system": system,
        "requests": len(meanwhile),
        "stale": sum(one[2] for one in meanwhile),
        "5xx_known": sum(one[1] >= 500 for one in known),
        "503_unknown": sum(one[1] == 503 for one in unknown),
        "other_5xx": sum(one[1] >= 500 and one[1] != 503 for one in [*known, *unknown]),
        **percentiles([one[4] for one in meanwhile]),
        "after_s": max(0.0, max(late, default=mended_s) - mended_s),
    }


def _search(query: str, user: int) -> Request:
    words = query.replace(" ", "+")
    return get(f"/search?query={words}&user=u{user:05d}&size=10")


if __name__ == "__main__":
    main()
