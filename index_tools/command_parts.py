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
    """Open the engine of the settings for the time of a block."""
    from search_rerank.engines import open_engine

    return closing(open_engine(config))


def report(refused: Refused, path: Path | None) -> None:
    """Say on standard error what was refused, and in which file all of it is."""
    if not (len(refused) or refused.notes):
        return
    click.echo(refused.summary(), err=True)
    for refusal in refused.examples:
        click.echo(f"  {refusal}", err=True)
    if len(refused) and path is not None:
        click.echo(f"  all of them in {path}", err=True)
