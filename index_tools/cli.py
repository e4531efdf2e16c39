"""`search-rerank index`: a thin command over `load` and `versions`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from search_rerank.config import Config
    from search_rerank.data.refused import Refused
    from search_rerank.engines.base import Engine

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)


@click.group()
def index() -> None:
    """Load a catalogue, promote and roll back versions of the index."""


@index.command()
@click.argument("file", type=_FILE)
@click.option("--promote", is_flag=True, help="Make the version live once it is verified.")
@click.option(
    "--encoder-from",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Use the encoder saved there.",
)
@click.option("--refit-encoder", is_flag=True, help="Fit a new encoder; encodes every item again.")
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were refused, to be corrected and loaded again.",
)
@click.option("--events", type=_FILE, help="Log whose demand lifts popular items.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=500, show_default=True)
@click.pass_obj
def load(
    config: Config,
    file: Path,
    promote: bool,
    encoder_from: Path | None,
    refit_encoder: bool,
    refused: Path | None,
    events: Path | None,
    batch: int,
) -> None:
    """Load FILE, a whole catalogue (- is standard input), into a new version and verify it."""
    import time

    from index_tools.load import load as load_catalogue
    from index_tools.popularity import popularity_boosts
    from search_rerank.commands.progress import Bars
    from search_rerank.data.refused import Refused

    if file == events == Path("-"):
        raise click.UsageError("expected one of FILE and --events on standard input, found both")
    wrong, log_wrong = Refused(refused), Refused()
    with _engine(config) as engine:
        try:
            with wrong, Bars() as bars:
                boosts = (
                    popularity_boosts(config, events, time.time_ns() // 1_000_000, log_wrong)
                    if events
                    else None
                )
                loaded = load_catalogue(
                    config,
                    file,
                    engine,
                    promote=promote,
                    encoder_from=encoder_from,
                    refit_encoder=refit_encoder,
                    refused=wrong,
                    boosts=boosts,
                    batch=batch,
                    progress=bars,
                )
        finally:
            _report(wrong, refused)
            _report(log_wrong, None)
    click.echo(
        f"{loaded.version}: {loaded.written:,} written, {loaded.unchanged:,} unchanged, "
        f"{loaded.refused:,} refused, {loaded.encoded:,} encoded by {loaded.encoder}"
    )
    live = "live" if loaded.live else f"not live: search-rerank index promote {loaded.version}"
    click.echo(f"verified, {live}")


@index.command()
@click.argument("version", required=False)
@click.pass_obj
def promote(config: Config, version: str | None) -> None:
    """Make VERSION live, or the newest that was verified."""
    from index_tools import versions

    with _engine(config) as engine:
        click.echo(f"{versions.promote(config, engine, version)} is live")


@index.command()
@click.pass_obj
def rollback(config: Config) -> None:
    """Make the version that was live before live again."""
    from index_tools import versions

    with _engine(config) as engine:
        click.echo(f"{versions.rollback(engine)} is live")


@index.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(config: Config, as_json: bool) -> None:
    """List the versions, newest first."""
    from index_tools import versions

    with _engine(config) as engine:
        states = [state.to_json() for state in versions.status(config, engine)]
    if as_json:
        import json

        click.echo(json.dumps({"index": config.engine.index, "versions": states}, indent=2))
        return
    if not states:
        click.echo(f"index {config.engine.index!r} has no version: search-rerank index load FILE")
    for state in states:
        marks = [name for name in ("live", "verified") if state[name]]
        click.echo(
            f"{state['version']}  {state['count']:>9,} items  {str(state['created'])[:19]}  "
            f"{state['encoder']} (dim {state['dim']})  {', '.join(marks)}"
        )


@index.command()
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="How many versions to keep beside the live one.",
)
@click.pass_obj
def prune(config: Config, keep: int) -> None:
    """Delete old versions; the live one always stays."""
    from index_tools import versions

    with _engine(config) as engine:
        gone = versions.prune(config, engine, keep)
    click.echo(f"deleted: {', '.join(gone) or 'none'}")


def _engine(config: Config) -> closing[Engine]:
    from search_rerank.engines import open_engine

    return closing(open_engine(config))


def _report(refused: Refused, path: Path | None) -> None:
    """Say on standard error what was refused."""
    if not (len(refused) or refused.notes):
        return
    click.echo(refused.summary(), err=True)
    for refusal in refused.examples:
        click.echo(f"  {refusal}", err=True)
    if len(refused) and path is not None:
        click.echo(f"  all of them in {path}", err=True)
