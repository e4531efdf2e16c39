"""What was refused while reading, said, and the file that it is kept in, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from search_rerank.data.refused import Refused


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
