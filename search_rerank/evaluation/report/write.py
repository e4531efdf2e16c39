"""A report written: the page, and beside it what programs read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from search_rerank.data.catalogue import Catalogue
from search_rerank.errors import MissingExtra
from search_rerank.evaluation.form import write_json
from search_rerank.evaluation.report.findings import Findings
from search_rerank.evaluation.report.folder import PAGE, RUNS, TABLE, check_folder, replaced
from search_rerank.evaluation.report.page import render
from search_rerank.evaluation.report.tables import (
    table_rows,
    write_importance,
    write_per_query,
    write_slices,
)
from search_rerank.evaluation.report.trec import write_qrels, write_runs


def check_report(folder: Path) -> None:
    """Refuse a report that could not be written, before what it is about takes hours.

    Raises
    ------
    ConfigError
        Where the folder holds something else.
    MissingExtra
        Where what draws the page is not installed.
    """
    if any(find_spec(name) is None for name in ("jinja2", "matplotlib")):
        raise MissingExtra("the report", "report")
    check_folder(folder)


def write_report(
    folder: Path,
    findings: Findings,
    catalogue: Catalogue,
    titles: Mapping[str, str],
    gain_names: Mapping[float, str],
    seconds: Mapping[str, float],
) -> None:
    """Write a report, aside and then renamed; an earlier report there is replaced.

    Parameters
    ----------
    folder
        Empty, not there, or an earlier report.
    catalogue
        Whose numbers the lists have.
    titles
        Item id to title, for the examples.
    gain_names
        Gain to what was done with an item: 3.0 to `purchase`.
    seconds
        How long each part of the evaluation took.

    Raises
    ------
    ConfigError, MissingExtra
        As `check_report`.
    """
    check_report(folder)
    page = render(findings, titles, gain_names)
    with replaced(folder) as aside:
        (aside / PAGE).write_text(page, encoding="utf-8", newline="\n")
        rows = table_rows(findings)
        write_json(aside / TABLE, findings.name, findings.protocol, rows, seconds)
        write_slices(aside / "slices.csv", findings)
        write_importance(aside / "importance.csv", findings)
        for prefix, task in findings.tasks.items():
            write_per_query(aside / f"{prefix}per_query.csv", task.evaluated)
            write_qrels(aside / f"{prefix}qrels.txt", task.evaluated.occasions)
            write_runs(aside / RUNS, task.evaluated.lists, catalogue, prefix)
