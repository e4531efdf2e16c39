"""`search-rerank index upsert`, `patch`, `delete`: thin commands over `Changes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from index_tools.command_parts import opened
from search_rerank.commands.refusing import check_refused, report

if TYPE_CHECKING:
    from index_tools.changes import Changes
    from search_rerank.config import Config
    from search_rerank.data.refused import Refused

_FILE = click.Path(dir_okay=False, path_type=Path, allow_dash=True)
_REFUSED = click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for rows that were refused, to be corrected and sent again.",
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

    if bool(ids) == (file is not None):
        raise click.UsageError("expected either ids or --file")
    with opened(config) as engine:
        named = ids if file is None else ids_of(file)
        counts = delete_ids(Changes(config, engine), named, config.load.batch)
    _say(counts)


def _apply(
    change: Callable[[Changes, Path, Refused, int], dict[str, int]],
    config: Config,
    file: Path,
    refused: Path | None,
) -> None:
    from index_tools.changes import Changes
    from search_rerank.data.refused import Refused

    check_refused(file, refused)
    with opened(config) as engine, Refused(refused) as wrong:
        counts = change(Changes(config, engine), file, wrong, config.load.batch)
    report(wrong, refused)
    _say(counts)


def _say(counts: dict[str, int]) -> None:
    names = ("written", "unchanged", "stale", "conflict", "refused")
    click.echo(", ".join(f"{counts.get(name, 0):,} {name}" for name in names))
