"""`search-rerank train`: a log and a catalogue in, a live bundle out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from search_rerank.config import Config

if TYPE_CHECKING:
    from search_rerank.bundle import Bundle
    from search_rerank.errors import BundleError
    from search_rerank.skew.rows import LoggedRows
    from search_rerank.training import Shop
    from search_rerank.workspace import Workspace

REFUSED = 2
"""Exit code where the gate refused the bundle."""


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with catalogue and events in a known layout; see docs/data.md.",
)
@click.option(
    "--events",
    type=click.Choice(["data", "state"]),
    default="data",
    show_default=True,
    help="Learn from the events of the folder, or from those that the service was told.",
)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were refused, to be corrected and given again.",
)
@click.option("--promote/--no-promote", default=True, help="Whether the bundle becomes live.")
@click.option(
    "--features",
    type=click.Choice(["replay", "log"]),
    default="replay",
    show_default=True,
    help="Compute all training rows anew, or take those of the feature log where it has them.",
)
@click.option(
    "--gate/--no-gate",
    default=False,
    help="Whether it must first be shown not to be worse, slow or large; exit code 2 if it is.",
)
@click.pass_context
def train(
    ctx: click.Context,
    data: Path,
    events: Literal["data", "state"],
    refused: Path | None,
    promote: bool,
    features: Literal["replay", "log"],
    gate: bool,
) -> None:
    """Learn from a log, write a bundle, and let the service know the log.

    With --events state the log is the one that the service keeps: the folder needs a catalogue
    only.

    Scorers are fitted on events before t1, the reranker learns from the queries of t1..t2, then the
    scorers are fitted on everything for serving. What comes after t2 is left for evaluate. With the
    bundle, the log's interactions go live: those that the state has already, by id, count once.
    Neural scorers keep checkpoints under the home: the command that was killed goes on from there.
    With --gate the bundle goes live only if it passes what [gate] of the settings asks; why it did
    or did not is printed, and written beside it.
    """
    from contextlib import closing

    from search_rerank.bundle import save_bundle
    from search_rerank.bundles import promote_bundle
    from search_rerank.commands.progress import Bars
    from search_rerank.commands.reading import read_catalogue, read_folder
    from search_rerank.engines import open_engine
    from search_rerank.gate.gate import decide
    from search_rerank.neural.checkpoints import checkpoints
    from search_rerank.state.opening import open_event_log
    from search_rerank.training import make_bundle
    from search_rerank.training import train as learn
    from search_rerank.workspace import Workspace

    config: Config = ctx.obj
    workspace = Workspace(config)
    if events == "state":
        with open_event_log(config) as log:
            dataset = read_catalogue(data, log, refused)
    else:
        dataset = read_folder(data, refused)
    with closing(open_engine(config)) as engine, Bars() as bars, workspace.cache() as cache:
        shop = workspace.shop(dataset, engine, cache)
        logged = _logged_rows(workspace, shop) if features == "log" else None
        with checkpoints(workspace.checkpoints):
            learnt = learn(logged.asked(), bars, logged) if logged else learn(shop, bars)
            bundle = make_bundle(shop, learnt)
        live = _live(workspace) if gate else None
        decision = decide(shop, bundle, live, workspace.bundles, bars) if gate else None
    if logged is not None:
        click.echo(
            f"rankings learnt from: {logged.logged:,} as logged, {logged.replayed:,} replayed"
        )
    for line in bundle.selection.lines():
        click.echo(line)
    if bundle.propensities is not None:
        click.echo(bundle.propensities.line())
    for line in decision.lines() if decision else ():
        click.echo(line)
    passed = decision is None or decision.passed
    promote = promote and passed
    if promote:
        bundle, new = workspace.tell(bundle, shop.events)
    version = save_bundle(bundle, workspace.bundles)
    click.echo(f"bundle {version} written to {workspace.bundles}" + (", live" if promote else ""))
    if promote:
        promote_bundle(workspace.bundles, version)
        click.echo(f"the service knows the log: {len(shop.events.log):,} interactions, {new:,} new")
    if decision is not None:
        decision.write(workspace.bundles, version)
    if not passed:
        ctx.exit(REFUSED)


def _live(workspace: Workspace) -> Bundle | BundleError | None:
    """Return the live bundle, why it cannot be read, or None where there is none."""
    from search_rerank.bundle import load_bundle
    from search_rerank.bundles import live_bundle
    from search_rerank.errors import BundleError

    folder = live_bundle(workspace.bundles)
    try:
        return load_bundle(folder) if folder else None
    except BundleError as error:
        return error


def _logged_rows(workspace: Workspace, shop: Shop) -> LoggedRows:
    """Return what gives training rows from the feature log under the home."""
    from search_rerank.errors import BundleError
    from search_rerank.skew.log import log_folder, read_log
    from search_rerank.skew.rows import LoggedRows

    def alike(version: str) -> bool:
        try:
            theirs = workspace.bundle(version).config
        except BundleError:
            return False
        ours = shop.config
        return (ours.scorers, ours.features, ours.training.history, ours.training.gains) == (
            theirs.scorers, theirs.features, theirs.training.history, theirs.training.gains
        )  # fmt: skip

    return LoggedRows(shop, list(read_log(log_folder(workspace.config))), alike)
