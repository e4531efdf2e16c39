"""`search-rerank index`: a thin command over `load` and `versions`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from index_tools.change_commands import delete, patch, upsert
from index_tools.command_parts import opened
from search_rerank.commands.refusing import check_refused, report

if TYPE_CHECKING:
    from search_rerank.config import Config

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)


@click.group()
def index() -> None:
    """Load a catalogue, change items, promote and roll back versions of the index."""


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
@click.option("--fresh", is_flag=True, help="Begin anew where a load of FILE was interrupted.")
@click.option("--force", is_flag=True, help="Go on although the verification finds faults.")
@click.option("--batch", type=click.IntRange(1, 10_000), help="Items at a time [load.batch].")
@click.pass_obj
def load(
    config: Config,
    file: Path,
    promote: bool,
    encoder_from: Path | None,
    refit_encoder: bool,
    refused: Path | None,
    events: Path | None,
    fresh: bool,
    force: bool,
    batch: int | None,
) -> None:
    """Load FILE, a whole catalogue (- is standard input), into a new version and verify it."""
    import time
    from collections import Counter

    from index_tools.load import load as load_catalogue
    from index_tools.popularity import popularity_boosts
    from search_rerank.commands.progress import Bars
    from search_rerank.data.refused import Refused

    if file == events == Path("-"):
        raise click.UsageError("expected one of FILE and --events on standard input, found both")
    check_refused(file, refused)
    wrong, log_wrong = Refused(refused), Refused()
    asked: Counter[str] = Counter()
    with opened(config) as engine:
        try:
            with wrong, Bars() as bars:
                now_ms = time.time_ns() // 1_000_000
                boosts = (
                    popularity_boosts(config, events, now_ms, log_wrong, asked) if events else None
                )
                loaded = load_catalogue(
                    config,
                    file,
                    engine,
                    promote=promote,
                    force=force,
                    fresh=fresh,
                    encoder_from=encoder_from,
                    refit_encoder=refit_encoder,
                    refused=wrong,
                    boosts=boosts,
                    queries=[query for query, _ in asked.most_common(config.load.probes)],
                    batch=batch,
                    progress=bars,
                )
        finally:
            report(wrong, refused)
            report(log_wrong, None)
    for note in loaded.notes:
        click.echo(note, err=True)
    click.echo(
        f"{loaded.version}: {loaded.written:,} written, {loaded.unchanged:,} unchanged, "
        f"{loaded.stale:,} stale, {loaded.refused:,} refused, {loaded.encoded:,} encoded by "
        f"{loaded.encoder}"
    )
    live = "live" if loaded.live else f"not live: search-rerank index promote {loaded.version}"
    click.echo(f"{'verified' if loaded.verified else 'not verified'}, {live}")


@index.command()
@click.argument("version", required=False)
@click.option("--force", is_flag=True, help="Also a VERSION that was not verified.")
@click.pass_obj
def promote(config: Config, version: str | None, force: bool) -> None:
    """Make VERSION live, or the newest that was verified."""
    from index_tools import versions

    with opened(config) as engine:
        click.echo(f"{versions.promote(config, engine, version, force=force)} is live")


@index.command()
@click.pass_obj
def rollback(config: Config) -> None:
    """Make the version that was live before live again."""
    from index_tools import versions

    with opened(config) as engine:
        click.echo(f"{versions.rollback(engine)} is live")


@index.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def status(config: Config, as_json: bool) -> None:
    """List the versions, newest first."""
    from index_tools import versions

    with opened(config) as engine:
        states = versions.status(config, engine)
    if as_json:
        import json

        listed = [state.to_json() for state in states]
        click.echo(json.dumps({"index": config.engine.index, "versions": listed}, indent=2))
        return
    if not states:
        click.echo(f"index {config.engine.index!r} has no version: search-rerank index load FILE")
    for one in states:
        state = one.to_json()
        marks = [name for name in ("live", "previous", "loading", "verified") if state[name]]
        if one.stopped is not None:
            marks = ["stopped" if name == "loading" else name for name in marks]
        click.echo(
            f"{state['version']}  {state['count']:>9,} items  {str(state['created'])[:19]}  "
            f"{state['encoder']} (dim {state['dim']})  {', '.join(marks)}"
        )
        if one.stopped is not None:
            again = f"go on with the same `index load` of {one.file}, or " if one.file else ""
            click.echo(
                f"  its load stopped with {one.stopped:,} items written for good: {again}delete it "
                f"with `search-rerank index prune --stale-loads`"
            )


@index.command()
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="How many to keep beside the live one and the one before it.",
)
@click.option("--stale-loads", is_flag=True, help="Also what loads have left that do not run.")
@click.pass_obj
def prune(config: Config, keep: int, stale_loads: bool) -> None:
    """Delete old versions, but for those that rollback or a running load needs."""
    from index_tools import versions

    with opened(config) as engine:
        gone = versions.prune(config, engine, keep, stale_loads=stale_loads)
    click.echo(f"deleted: {', '.join(gone) or 'none'}")


index.add_command(upsert)
index.add_command(patch)
index.add_command(delete)
