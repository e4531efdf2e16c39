"""A report's folder: written aside, then renamed, and never in the place of something else."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_rerank.errors import ConfigError

PAGE = "report.html"
TABLE = "table.json"
RUNS = "runs"
FILES = frozenset(
    {PAGE, TABLE, RUNS, "slices.csv", "importance.csv"}
    | {prefix + name for prefix in ("", "e2e_") for name in ("per_query.csv", "qrels.txt")}
)
"""All that a report writes; a folder that holds anything else is somebody's own."""


def check_folder(folder: Path) -> None:
    """Refuse a place where a report would take away what is not a report.

    Raises
    ------
    ConfigError
        Where there is a file, a folder with anything that no report has written, or none can be
        made.
    """
    if not folder.exists():
        parent = next(path for path in folder.resolve().parents if path.exists())
        if not (parent.is_dir() and os.access(parent, os.W_OK)):
            raise ConfigError(
                f"expected a folder to write {folder} in, found {parent}, which is none or may not "
                "be written to: name another folder for the report"
            )
        return
    if not folder.is_dir():
        raise ConfigError(f"expected a folder for the report, found the file {folder}")
    there = {path.name for path in folder.iterdir()}
    if not there:
        return
    foreign = sorted(there - FILES)
    if foreign or not {PAGE, TABLE} <= there:
        found = foreign or sorted(there)
        raise ConfigError(
            f"expected an empty folder or an earlier report in {folder}, found "
            f"{', '.join(found[:3])}: name another folder for the report"
        )


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Give a folder to write in, which takes the place of `folder` when all went well.

    Whoever opens the folder finds the whole earlier report or the whole new one.
    """
    check_folder(folder)
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield aside
        aside.chmod(0o755)
        check_folder(target)  # again: it may have been used meanwhile
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
            os.replace(target, old / target.name)
            os.replace(aside, target)
            shutil.rmtree(old)
        else:
            os.replace(aside, target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
