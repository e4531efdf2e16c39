"""Answer time of recommendations through the pipeline, scope by scope.

    python -m benchmarks.recommend --home .demo/shop-embedded [--shoppers 200] [--json FILE]

`--home` is the folder of a demo; the time of a search for nothing stands beside it. Processor time
is that of this process, which a busy machine does not change.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter, process_time, time

import click
import numpy as np

from benchmarks.common import percentiles, report
from search_rerank.answer import Answer
from search_rerank.config import load_config
from search_rerank.pipeline import Pipeline
from search_rerank.query import Filters, Query
from search_rerank.recommend.request import Recommend
from search_rerank.state.opening import open_state

Ask = Callable[[str], Answer]


@click.command()
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write JSON here.")
@click.option(
    "--home",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A demo's folder.",
)
@click.option("--shoppers", default=200, show_default=True, type=click.IntRange(10, 10_000))
def main(home: Path, shoppers: int, json_file: Path | None) -> None:
    """Print the time of an answer for the shoppers with the longest histories."""
    config = load_config(home / "config.toml")
    seconds: dict[str, float] = {}
    start = perf_counter()
    with closing(open_state(config)) as state:
        users = [user for user, _ in state.shoppers(shoppers)]
        pipeline = Pipeline.open(config, state)
        try:
            now_ms = int(time() * 1000) + config.service.clock_offset_ms
            rows = [_measured(name, ask, users) for name, ask in _asks(pipeline, now_ms).items()]
        finally:
            pipeline.close()
    seconds["requests"] = perf_counter() - start
    protocol = (
        f"one request after another in one process, one for each of {len(users)} shoppers, those "
        "with the longest histories; all candidates collected and reranked"
    )
    report("recommend", protocol, rows, seconds, json_file)


def _asks(pipeline: Pipeline, now_ms: int) -> dict[str, Ask]:
    """Return what is measured, by name."""
    k = pipeline.config.retrieval.k
    bundle = pipeline.in_use.bundle
    if bundle is None:
        raise click.UsageError("expected a home with a live bundle, found none: run the demo")
    item, category = bundle.catalogue.ids.id(0), bundle.catalogue.categories[0]
    shelf = Filters({"category": (category,)})

    def recommend(**asked: object) -> Ask:
        return lambda user: pipeline.recommend(
            Recommend(user=user, k=k, now_ms=now_ms, **asked)  # type: ignore[arg-type]
        )

    return {
        "search for nothing": lambda user: pipeline.search(Query("", user, k=k, now_ms=now_ms)),
        "personal": recommend(),
        "personal, a category": recommend(filters=shelf),
        "personal, collapsed": recommend(collapse=True),
        "personal, nobody": lambda user: recommend()(f"nobody like {user}"),
        "trending": recommend(scope="trending"),
        "similar": recommend(scope="similar", item=item),
        "cross_category": recommend(scope="cross_category"),
        "recently_viewed": recommend(scope="recently_viewed"),
    }


def _measured(name: str, ask: Ask, users: list[str]) -> dict[str, object]:
    ask(users[0])
    wall, cpu, hits = [], [], []
    for user in users:
        start, busy = perf_counter(), process_time()
        answer = ask(user)
        wall.append((perf_counter() - start) * 1000)
        cpu.append((process_time() - busy) * 1000)
        hits.append(len(answer.hits))
    row: dict[str, object] = {"system": name, "hits": round(float(np.mean(hits)), 1)}
    row |= percentiles(wall)
    return row | {"cpu_p50_ms": round(float(np.median(cpu)), 2)}


if __name__ == "__main__":
    main()
