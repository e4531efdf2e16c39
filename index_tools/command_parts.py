"""What the commands share: the engine for the time of one, and what was refused, said."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from search_rerank.config import Config
    from search_rerank.data.refused import Refused
    from search_rerank.engines.base import Engine


def opened(config: Config) -> closing[Engine]:
    """Open the engine of the settings for the time of a block.

    Without synonyms: a mistake in their file must not stand in the way of a rollback.
    """
    from search_rerank.engines import open_engine

    plain = config.retrieval.model_copy(update={"synonyms": None})
    return closing(open_engine(config.model_copy(update={"retrieval": plain})))


def check_refused(file: Path, refused: Path | None) -> None:
    """Refuse a file for refused rows that cannot be written, or that is the very file read."""
    if refused is None:
        return
    if not refused.parent.is_dir():
        raise click.UsageError(f"--refused {refused}: expected a folder that is there")
    if refused.exists() and file.exists() and refused.samefile(file):
        raise click.UsageError(
            f"--refused {refused}: expected another file than the one that is read, whose good "
            f"rows it would replace"
        )


def report(refused: Refused, path: Path | None) -> None:
    """Say on standard error what was refused, and in which file all of it is."""
    if not (len(refused) or refused.notes):
        return
    click.echo(refused.summary(), err=True)
    for refusal in refused.examples:
        click.echo(f"  {refusal}", err=True)
    if len(refused) and path is not None:
        click.echo(f"  all of them in {path}", err=True)
