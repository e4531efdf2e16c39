"""The report's figures as files for programs: JSON in the common form, and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from search_rerank.evaluation.compare import Comparison
from search_rerank.evaluation.evaluated import Evaluated, Row
from search_rerank.evaluation.report.findings import Findings, Task
from search_rerank.evaluation.report.trec import query_id


def table_rows(findings: Findings) -> list[Row]:
    """Return the table's rows, each with what it is beside the baseline."""
    return [row for task in findings.tasks.values() for row in _compared(task, findings.baseline)]


def _compared(task: Task, baseline: str) -> Iterable[Row]:
    for row, standing in zip(task.rows, task.standings, strict=True):
        if standing.difference is not None:
            row = row | {
                "minus_baseline": {
                    "baseline": baseline,
                    "mean": round(standing.difference.mean, 6),
                    "ci95": [round(bound, 6) for bound in standing.difference.ci95],
                    "p": standing.difference.p,
                    "p_holm": standing.corrected_p,
                    "detectable": _rounded(standing.detectable),
                    "wins": standing.wins,
                    "losses": standing.losses,
                    "ties": standing.ties,
                }
            }
        yield row


def write_per_query(path: Path, evaluated: Evaluated) -> None:
    """Write a line a query: what was asked, what was known, and every measure of every system."""
    columns = [
        (f"{measure} {system}", evaluated.of(system, measure))
        for system in evaluated.systems
        for measure in evaluated.measures
    ]
    names = ["qid", "query", "shopper", "time", "history", "searches", "taken"]
    lines = (
        [
            query_id(n),
            one.query.text,
            one.query.user or one.query.session or "",
            datetime.fromtimestamp(one.query.now_ms / 1000, UTC).isoformat(timespec="seconds"),
            int(evaluated.history[n]),
            int(evaluated.demand[n]),
            len(one.gains),
            *(_figure(values[n]) for _, values in columns),
        ]
        for n, one in enumerate(evaluated.occasions)
    )
    _write(path, [*names, *(name for name, _ in columns)], lines)


def write_slices(path: Path, findings: Findings) -> None:
    """Write a line for each of the systems compared on each slice."""
    names = ["by", "slice", "system", "queries", "shoppers", "mean", "low", "high"]
    minus = [f"minus_{findings.baseline}", "minus_low", "minus_high", "p", "p_holm", "detectable"]
    lines = (
        [
            *(row.by, row.name, row.system, row.queries, row.shoppers),
            *map(_figure, (row.mean, *row.ci95)),
            *_differs(row.difference, row.corrected_p),
            "" if row.detectable is None else _figure(row.detectable),
        ]
        for row in findings.slices
    )
    _write(path, [*names, *minus], lines)


def write_importance(path: Path, findings: Findings) -> None:
    """Write a line a feature; none where the chosen fusion cannot explain itself."""
    features = [] if findings.explanation is None else findings.explanation.features
    lines = ([name, _figure(gain), _figure(value)] for name, gain, value in features)
    _write(path, ["feature", "gain_share", "mean_abs_contribution"], lines)


def _differs(difference: Comparison | None, corrected_p: float | None) -> list[str]:
    if difference is None or corrected_p is None:
        return [""] * 5
    return [*map(_figure, (difference.mean, *difference.ci95, difference.p, corrected_p))]


def _write(path: Path, names: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(lines)


def _figure(value: float) -> str:
    return f"{value:.6g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
