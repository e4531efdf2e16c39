"""Reading a folder of data for a command, and telling what was refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import time

import click

from search_rerank.data.dataset import Dataset
from search_rerank.data.event import Interaction
from search_rerank.data.layouts import load_catalogue, load_dataset
from search_rerank.data.read import read_events
from search_rerank.data.refused import Refused
from search_rerank.state.log import Log


def read_folder(folder: Path, refused_to: Path | None = None) -> Dataset:
    """Read a data set and say on standard error how many rows were refused and why."""
    with Refused(refused_to) as refused:
        dataset = load_dataset(folder, int(time() * 1000), refused)
        if len(refused):
            click.echo(refused.summary(), err=True)
    return dataset


def read_catalogue(folder: Path, log: Log, refused_to: Path | None = None) -> Dataset:
    """Read the items of a data set, and what happened to them from the log of a state."""
    with Refused(refused_to) as refused:
        dataset = load_catalogue(folder, int(time() * 1000), refused)
        if len(refused):
            click.echo(refused.summary(), err=True)
    told = (Interaction.model_construct(**row._asdict()) for row in log.all())
    return replace(dataset, events=[*told, *log.pages()])


def read_log(path: Path, refused_to: Path | None = None) -> Dataset:
    """Read a data set as `read_folder`, or a file of events alone, of whatever items."""
    if path.is_dir():
        return read_folder(path, refused_to)
    with Refused(refused_to) as refused:
        events = list(read_events(path, refused, None, int(time() * 1000)))
        if len(refused):
            click.echo(refused.summary(), err=True)
    return Dataset(path.name, [], events)
