"""`search-rerank index upsert`, `patch`, `delete`: thin commands over `Changes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from index_tools.command_parts import opened
from search_rerank.commands.refusing import check_refused

if TYPE_CHECKING:
    from index_tools.changes import Changes
    from index_tools.untaken import Untaken
    from search_rerank.config import Config

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)
_REFUSED = click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were not taken, to be corrected and sent again.",
)


@click.command()
@click.argument("file", type=_FILE)
@_REFUSED
@click.pass_obj
def upsert(config: Config, file: Path, refused: Path | None) -> None:
    """Put the whole items of FILE (any catalogue format) into the live version."""
    from index_tools.files import upsert_file

    _apply(upsert_file, config, file, refused)


@click.command()
@click.argument("file", type=_FILE)
@_REFUSED
@click.pass_obj
def patch(config: Config, file: Path, refused: Path | None) -> None:
    """Change the fields that each row of FILE gives, of the item whose id it gives."""
    from index_tools.files import patch_file

    _apply(patch_file, config, file, refused)


@click.command()
@click.argument("ids", nargs=-1)
@click.option("--file", type=_FILE, help="One id a line.")
@click.pass_obj
def delete(config: Config, ids: tuple[str, ...], file: Path | None) -> None:
    """Remove items by their IDS."""
    from index_tools.changes import Changes
    from index_tools.files import delete_ids, ids_of
    from index_tools.untaken import Untaken

    if bool(ids) == (file is not None):
        raise click.UsageError("expected either ids or --file")
    named = enumerate(ids, start=1) if file is None else ids_of(file)
    name = "IDS" if file is None else file.name
    with opened(config) as engine, Untaken() as untaken:
        counts = delete_ids(Changes(config, engine), name, named, untaken, config.load.batch)
    _say(counts, untaken)


def _apply(
    change: Callable[[Changes, Path, Untaken, int], dict[str, int]],
    config: Config,
    file: Path,
    refused: Path | None,
) -> None:
    from index_tools.changes import Changes
    from index_tools.untaken import Untaken

    check_refused(file, refused)
    with opened(config) as engine, Untaken(refused) as untaken:
        counts = change(Changes(config, engine), file, untaken, config.load.batch)
    _say(counts, untaken)


def _say(counts: dict[str, int], untaken: Untaken) -> None:
    """Tell what came of the rows; an error where there were some and none was taken."""
    from index_tools.untaken import TAKEN
    from search_rerank.errors import DataError

    for line in untaken.report():
        click.echo(line, err=True)
    names = (*TAKEN, "stale", "conflict", "refused")
    click.echo(", ".join(f"{counts.get(name, 0):,} {name}" for name in names))
    if (rows := sum(counts.values())) and not any(counts.get(name) for name in TAKEN):
        raise DataError(
            f"expected rows that can be taken, found none in {rows:,}: "
            f"correct those named above and send them again"
        )
