"""`search-rerank evaluate`: one table on the held-out time."""

from __future__ import annotations

from pathlib import Path

import click

from search_rerank.config import Config


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with catalogue and events, the ones the bundle was trained on.",
)
@click.option("--bundle", help="Version of the bundle to evaluate; the live one where left out.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the table to this file.",
)
@click.pass_obj
def evaluate(config: Config, data: Path, bundle: str | None, json_file: Path | None) -> None:
    """Print one table on the held-out time: engine, every scorer alone, every fusion.

    The bundle's fusions have learnt from what lies before the cut; the scorers are fitted again on
    just that, and the queries after the cut are ranked.
    """
    from contextlib import closing
    from time import perf_counter

    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_folder
    from search_rerank.engines import open_engine
    from search_rerank.evaluation.evaluate import evaluate as measure
    from search_rerank.evaluation.evaluate import protocol
    from search_rerank.evaluation.form import format_table, write_json
    from search_rerank.training import open_shop
    from search_rerank.workspace import Workspace

    start = perf_counter()
    workspace = Workspace(config)
    loaded = workspace.bundle(bundle)
    dataset = read_folder(data)
    trained = loaded.config.model_copy(update={"home": config.home, "engine": config.engine})
    with closing(open_engine(config)) as engine, Bars() as bars, workspace.cache() as cache:
        shop = open_shop(dataset, trained, engine, loaded.encoder, cache)
        rows = measure(shop, loaded.fusions, bars).rows()
    click.echo(protocol(shop))
    click.echo(format_table(rows))
    if json_file is not None:
        seconds = {"evaluate": perf_counter() - start}
        write_json(json_file, dataset.name, protocol(shop), rows, seconds)
