"""`search-rerank demo`: index, train, evaluate, print the table and the address, serve."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.data.dataset import Dataset
    from search_rerank.engines.base import Engine
    from search_rerank.training import Shop


_DAY_MS = 86_400_000
_OLD_MS = 30 * _DAY_MS
"""A log that ended longer ago is served as if it had just ended."""


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in a known layout (docs/data.md); the generated shop where left out.",
)
@click.option(
    "--engine",
    "kind",
    type=click.Choice(["embedded", "elasticsearch"]),
    help="Engine to use; the configuration's where left out (embedded).",
)
@click.option("--url", help="Address of Elasticsearch, such as http://127.0.0.1:9200.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Folder for everything the demo writes.",
)
@click.option("--serve/--no-serve", default=True, help="Whether to serve the shop at the end.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to serve on.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the table to this file.",
)
@click.pass_obj
def demo(
    config: Config,
    data: Path | None,
    kind: str | None,
    url: str | None,
    home: Path,
    serve: bool,
    port: int | None,
    json_file: Path | None,
) -> None:
    """Index, train, evaluate and serve a shop, in one go."""
    from search_rerank.config import write_config
    from search_rerank.engines import open_engine
    from search_rerank.evaluation.evaluate import protocol
    from search_rerank.evaluation.form import format_table, write_json
    from service.runner import check_free

    seconds: dict[str, float] = {}
    start = perf_counter()
    dataset = _dataset(data, seconds)
    config = _settings(config, dataset, kind, url, home, port)
    if serve:  # before a demo that is being served there loses what it knows
        check_free(config.service.host, config.service.port)
    if config.engine.kind == "embedded":
        _remove_index(config)
    with closing(open_engine(config)) as engine:
        shop, rows = _learn(config, dataset, engine, seconds)
    click.echo(protocol(shop))
    click.echo(format_table(rows))
    config = _at_the_end(config, shop)
    settings = config.home / "config.toml"
    write_config(config, settings)
    spent = ", ".join(f"{what} {took:.1f} s" for what, took in seconds.items())
    click.echo(f"{spent}; {perf_counter() - start:.1f} s in all")
    if json_file is not None:
        write_json(json_file, dataset.name, protocol(shop), rows, seconds)
    click.echo(f"serve it again: search-rerank --config {settings} serve")
    if serve:
        from service.runner import run

        run(config)


def _dataset(data: Path | None, seconds: dict[str, float]) -> Dataset:
    start = perf_counter()
    if data is None:
        from search_rerank.data.shop import generate

        today = int(time() * 1000) // _DAY_MS * _DAY_MS
        dataset = generate(end_ms=today).dataset()
        seconds["generate"] = perf_counter() - start
    else:
        from search_rerank.commands.reading import read_folder

        dataset = read_folder(data)
        seconds["read"] = perf_counter() - start
    click.echo(f"{dataset.name}: {len(dataset.items):,} products, {len(dataset.events):,} events")
    return dataset


def _settings(
    config: Config,
    dataset: Dataset,
    kind: str | None,
    url: str | None,
    home: Path,
    port: int | None,
) -> Config:
    engine = {"kind": kind, "url": url, "index": _index_name(dataset)}
    changed = {name: value for name, value in engine.items() if value is not None}
    chosen = config.engine.model_copy(update=changed)
    service = config.service.model_copy(update={} if port is None else {"port": port})
    place = home / f"{dataset.name}-{chosen.kind}"
    # The demo begins with an empty state each time, which one that others share must not.
    state = config.state.model_copy(update={"kind": "sqlite"})
    parts = {"engine": chosen, "service": service, "state": state, "home": place}
    return config.model_copy(update=parts)


def _index_name(dataset: Dataset) -> str:
    """Return a name that the settings allow, whatever the folder of the data is called."""
    return "demo-" + re.sub(r"[^a-z0-9_-]+", "-", dataset.name.lower())[:90]


def _remove_index(config: Config) -> None:
    """Remove the index of an earlier demo of this data, and nothing else that lies there."""
    folder = config.home / "index" / config.engine.index
    if folder.is_dir():
        shutil.rmtree(folder)


def _at_the_end(config: Config, shop: Shop) -> Config:
    """Set the service's clock back to the end of an old log: demand has not faded, days are few."""
    age_ms = int(time() * 1000) - int(shop.events.time_ms[-1])
    if age_ms < _OLD_MS:
        return config
    click.echo(f"the log ended {age_ms // _DAY_MS} days ago: the shop is served as of then")
    service = config.service.model_copy(update={"clock_offset_ms": -age_ms})
    return config.model_copy(update={"service": service})


def _learn(
    config: Config, dataset: Dataset, engine: Engine, seconds: dict[str, float]
) -> tuple[Shop, list[dict[str, object]]]:
    """Index, train and evaluate; leave a live index, a live bundle and the log as state."""
    from search_rerank.bundle import save_bundle
    from search_rerank.bundles import promote_bundle
    from search_rerank.commands.progress import Bars
    from search_rerank.evaluation.evaluate import evaluate
    from search_rerank.indexing import boosts, write_catalogue
    from search_rerank.state.opening import remove_state
    from search_rerank.training import cuts, make_bundle, train
    from search_rerank.workspace import Workspace

    def timed(what: str, since: float) -> float:
        seconds[what] = perf_counter() - since
        return perf_counter()

    workspace = Workspace(config)
    gains = config.training.gains
    with Bars() as bars, workspace.cache() as cache:
        start = perf_counter()
        shop = workspace.shop(dataset, engine, cache, refit=True)
        end_ms = cuts(shop.events, config.training).end
        factors = boosts(shop.events, end_ms, gains, config.retrieval.popularity_weight)
        written = write_catalogue(
            engine, shop.encoder, cache, dataset.items, boosts=factors, index=config.index
        )
        engine.promote(written.version)
        start = timed("index", start)
        fusions = train(shop, bars)
        start = timed("train", start)
        rows = evaluate(shop, fusions, bars).rows()
        start = timed("evaluate", start)
        remove_state(config)
        bundle, _ = workspace.tell(make_bundle(shop, fusions), shop.events)
        promote_bundle(workspace.bundles, save_bundle(bundle, workspace.bundles))
        timed("bundle", start)
    for old in engine.versions():
        if not old.live:
            engine.drop(old.name)
    return shop, rows
