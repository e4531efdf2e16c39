"""`search-rerank train`: a log and a catalogue in, a live bundle out."""

from __future__ import annotations

from pathlib import Path

import click

from search_rerank.config import Config


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with catalogue and events in a known layout; see docs/data.md.",
)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were refused, to be corrected and given again.",
)
@click.option("--promote/--no-promote", default=True, help="Whether the bundle becomes live.")
@click.pass_obj
def train(config: Config, data: Path, refused: Path | None, promote: bool) -> None:
    """Learn from a log, write a bundle, and let the service know the log.

    Scorers are fitted on events before t1, the reranker learns from the queries of t1..t2, then the
    scorers are fitted on everything for serving. What comes after t2 is left for evaluate. With the
    bundle, the log's interactions go live: those that the state has already, by id, count once.
    Neural scorers keep checkpoints under the home: the command that was killed goes on from there.
    """
    from contextlib import closing

    from search_rerank.bundle import promote_bundle, save_bundle
    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_folder
    from search_rerank.engines import open_engine
    from search_rerank.neural.checkpoints import checkpoints
    from search_rerank.training import make_bundle
    from search_rerank.training import train as learn
    from search_rerank.workspace import Workspace

    workspace = Workspace(config)
    dataset = read_folder(data, refused)
    with closing(open_engine(config)) as engine, Bars() as bars, workspace.cache() as cache:
        shop = workspace.shop(dataset, engine, cache)
        with checkpoints(workspace.checkpoints):
            bundle = make_bundle(shop, learn(shop, bars))
    if bundle.propensities is not None:
        click.echo(bundle.propensities.line())
    for line in bundle.selection.lines():
        click.echo(line)
    if promote:
        bundle, new = workspace.tell(bundle, shop.events)
    version = save_bundle(bundle, workspace.bundles)
    click.echo(f"bundle {version} written to {workspace.bundles}" + (", live" if promote else ""))
    if promote:
        promote_bundle(workspace.bundles, version)
        click.echo(f"the service knows the log: {len(shop.events.log):,} interactions, {new:,} new")
