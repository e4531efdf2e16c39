"""`search-rerank update`: what happened since the last fit, taken into the live bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.data.dataset import Dataset
    from search_rerank.data.events import Events
    from search_rerank.data.item import Item
    from search_rerank.engines.base import Engine
    from search_rerank.freshness import Updated

_ASKED = 500
"""Items looked up in the index at a time."""


@click.command()
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="A log that the service was not told, as train takes it, or a file of events alone.",
)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were refused, to be corrected and given again.",
)
@click.option("--promote/--no-promote", default=True, help="Whether the bundle becomes live.")
@click.pass_obj
def update(config: Config, data: Path | None, refused: Path | None, promote: bool) -> None:
    """Take what happened since the last fit into the live bundle, without a training.

    The interactions are those that the service was told, and those of --data, each once by its id.
    Their new items join the catalogue. The reranker stays as it was learnt; of each scorer the
    output says whether it was updated, refitted or kept.
    """
    from contextlib import closing
    from time import perf_counter

    from search_rerank.bundle import save_bundle
    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_log
    from search_rerank.engines import open_engine
    from search_rerank.errors import BundleError
    from search_rerank.freshness import promote_update, update_bundle
    from search_rerank.state.opening import open_event_log, open_state
    from search_rerank.workspace import Workspace

    start = perf_counter()
    workspace = Workspace(config)
    bundle = workspace.bundle()
    with (
        closing(open_engine(config)) as engine,
        closing(open_state(config)) as state,
        workspace.cache() as cache,
        Bars() as bars,
    ):
        items: Sequence[Item] = []
        if data is not None:
            dataset = read_log(data, refused)
            items = dataset.items
            told = _known(dataset)
            new = state.append(told.log)
            state.show(told.pages)
            click.echo(f"the service knows {data.name}: {new:,} interactions are new to it")
        with open_event_log(config) as log:
            result = update_bundle(
                bundle, log, items, lambda ids: _in_index(engine, ids), cache, bars
            )
    _tell(result)
    if not result.steps:
        return
    version = save_bundle(result.bundle, workspace.bundles)
    is_live = promote and promote_update(workspace.bundles, version, bundle.version)
    took = f"{perf_counter() - start:.1f} s" + (", live" if is_live else "")
    click.echo(f"bundle {version}, an update of {bundle.version}, in {took}")
    if promote and not is_live:
        raise BundleError(
            f"expected {bundle.version} still live, found another bundle that went live "
            "meanwhile: it stays; update again"
        )


def _known(dataset: Dataset) -> Events:
    """Return the log as a state keeps it: queries of rankings where interactions had none."""
    from search_rerank.data.event import Interaction
    from search_rerank.data.events import Events
    from search_rerank.data.ids import IdMap

    items: dict[str, None] = {}
    for event in dataset.events:
        items |= dict.fromkeys((event.item,) if isinstance(event, Interaction) else event.items)
    return Events.from_events(dataset.events, IdMap(items))


def _in_index(engine: Engine, ids: Sequence[str]) -> Sequence[Item]:
    """Return those of the items that the live index holds, none where there is no index."""
    from search_rerank.engines.base import live_version

    live = live_version(engine) if ids else None
    if live is None:
        return []
    parts = (ids[start : start + _ASKED] for start in range(0, len(ids), _ASKED))
    found = (stored for part in parts for stored in engine.lookup(part, live.name))
    return [stored.item for stored in found if stored is not None]


def _tell(result: Updated) -> None:
    if result.waiting:
        what = f"{result.waiting:,} interactions wait"
        click.echo(f"{what}: neither the bundle nor the index knows their item")
    if not result.steps:
        click.echo("nothing new: the bundle stays as it is")
        return
    late = f", {result.late:,} of them late" if result.late else ""
    click.echo(f"{result.interactions:,} new interactions{late}; {result.items:,} new items")
    width = max(16, *(len(step.scorer) for step in result.steps))
    for step in result.steps:
        click.echo(f"  {step.scorer:<{width}} {step.how:<10} {step.took_s:8.2f} s")
