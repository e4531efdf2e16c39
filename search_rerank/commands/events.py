"""`search-rerank events`: history into the state and out of it, and its upkeep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from search_rerank.config import Config

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)
_CUT_OFF = 1


@click.group()
def events() -> None:
    """Give the state events of the past, write all that it holds, and keep it in shape."""


@events.command("import")
@click.argument("files", metavar="FILE...", type=_FILE, nargs=-1, required=True)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were refused, to be corrected and given again.",
)
@click.pass_context
def import_(ctx: click.Context, files: tuple[Path, ...], refused: Path | None) -> None:
    """Store the interactions and rankings of FILE... (- is standard input).

    An event counts once by its id, whether it comes by POST /events, in a log that was trained on,
    or here: after an interruption, give the same files again. The service may run meanwhile, and
    sees what is stored so far. Exit code 1 where a file ends early.
    """
    import time
    from contextlib import closing
    from functools import partial

    from search_rerank.commands.progress import Bars
    from search_rerank.commands.refusing import check_refused, report
    from search_rerank.data.lines import source_name
    from search_rerank.data.refused import Refused
    from search_rerank.data.told import read_told
    from search_rerank.state.importing import Imported, finish, import_events
    from search_rerank.state.opening import open_state

    config: Config = ctx.obj
    for file in files:
        check_refused(file, refused)
    now_ms = time.time_ns() // 1_000_000
    total, wrong = Imported(), Refused(refused)
    with closing(open_state(config)) as state:
        try:
            with wrong, Bars() as bars:
                for file in files:
                    told = read_told(file, wrong, now_ms)
                    bar = partial(bars, source_name(file), total=0)
                    total += import_events(state, told, now_ms, bar)
                bars("upkeep", 0, 0)
                finish(state, now_ms)
        finally:
            report(wrong, refused)
            click.echo(f"{total.new:,} new of {total.read:,} events")
    if wrong.cut_off is not None:
        click.echo(f"{wrong.cut_off} ends early: give the whole file again", err=True)
        ctx.exit(_CUT_OFF)


@events.command()
@click.argument("file", type=_FILE, default="-")
@click.pass_obj
def export(config: Config, file: Path) -> None:
    """Write all interactions and rankings to FILE as JSON lines, as they were told, in time order.

    Without FILE, or for -, they go to standard output. A name that ends in .gz or .zst is
    compressed. The file can be imported and trained on.
    """
    from search_rerank.commands.progress import Bars
    from search_rerank.data.writing import written
    from search_rerank.state.exporting import event_lines
    from search_rerank.state.opening import open_event_log

    count = 0
    with open_event_log(config) as log, written(file) as stream, Bars() as bars:
        for count, line in enumerate(event_lines(log), start=1):
            stream.write(line)
            if count % 10_000 == 0:
                bars("events", count, 0)
    click.echo(f"{count:,} events written to {file}" if str(file) != "-" else "", err=True)


@events.command()
@click.pass_obj
def maintain(config: Config) -> None:
    """Do all upkeep of the state that is due, as the service does beside its requests.

    Full segments of the log are sealed; what is older than state.retention_days leaves the
    histories, and what is older than state.log_days the log. It may run while the service does.
    """
    import time
    from contextlib import closing

    from search_rerank.state.opening import open_state

    sealed = expired = dropped = 0
    with closing(open_state(config)) as state:
        more = True
        while more:
            done = state.maintain(time.time_ns() // 1_000_000 + config.service.clock_offset_ms)
            sealed, expired = sealed + done.sealed, expired + done.expired
            dropped, more = dropped + done.dropped, done.more
    click.echo(
        f"{sealed:,} segments of the log sealed, {expired:,} events out of the histories, "
        f"{dropped:,} old segments dropped"
    )
