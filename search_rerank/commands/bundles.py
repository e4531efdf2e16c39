"""`search-rerank bundles`: which bundle services rank with, without a restart."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from search_rerank.config import Config


@click.group()
def bundles() -> None:
    """List bundles, make one live, roll back, remove old ones; services follow within a second."""


@bundles.command("list")
@click.pass_obj
def list_(config: Config) -> None:
    """List the bundles, the latest first: live or not, when written, what it reached, its workers.

    The figure is nDCG@10 on the held-out queries on which its fusion was chosen.
    """
    from search_rerank.bundles import list_bundles
    from search_rerank.workers import list_workers
    from search_rerank.workspace import Workspace

    using = [worker.bundle for worker in list_workers(config.home)]
    for one in list_bundles(Workspace(config).bundles):
        when = datetime.fromtimestamp(one.written_ms / 1000, UTC)
        reached = " ".join(f"{name} {value:.4f}" for name, value in one.measures.items())
        of = f"update of {one.parent}" if one.parent else "training"
        told = one.damaged or f"{one.items:,} items, {one.serves}, {of}  {reached}".rstrip()
        workers = using.count(one.version)
        mark = "live" if one.live else "    "
        click.echo(f"{one.version}  {mark}  {when:%Y-%m-%d %H:%M}  {workers} workers  {told}")


@bundles.command()
@click.argument("version")
@click.pass_obj
def load(config: Config, version: str) -> None:
    """Make the bundle VERSION live, if its files are whole."""
    from search_rerank.bundle import load_bundle
    from search_rerank.bundles import named_bundle, promote_bundle
    from search_rerank.workspace import Workspace

    folder = Workspace(config).bundles
    load_bundle(named_bundle(folder, version))
    promote_bundle(folder, version)
    click.echo(f"bundle {version} is live")


@bundles.command()
@click.pass_obj
def rollback(config: Config) -> None:
    """Make the bundle before the live one live again."""
    from search_rerank.bundles import rollback_bundle
    from search_rerank.workspace import Workspace

    click.echo(f"bundle {rollback_bundle(Workspace(config).bundles)} is live again")


@bundles.command()
@click.option(
    "--keep", type=click.IntRange(2), default=5, show_default=True,
    help="How many stay: the live one, that before it, and the latest.",
)  # fmt: skip
@click.pass_obj
def prune(config: Config, keep: int) -> None:
    """Remove old bundles, but none that a worker ranks with."""
    from search_rerank.bundles import prune_bundles
    from search_rerank.workers import list_workers
    from search_rerank.workspace import Workspace

    spared = {worker.bundle for worker in list_workers(config.home) if worker.bundle}
    gone = prune_bundles(Workspace(config).bundles, keep, spared)
    click.echo(f"removed {', '.join(gone)}" if gone else "nothing to remove")
