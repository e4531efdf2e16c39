"""The common form of every table we print: text for people, JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

Row = Mapping[str, Any]
_IN_NOTES = {"minus_weighted", "best_single", "p_holm", "detectable"}
_LEVEL = 0.05


def machine() -> dict[str, object]:
    """Return what a reader needs to know of the machine that made a figure."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def write_json(
    path: Path,
    name: str,
    protocol: str,
    rows: Sequence[Row],
    seconds: Mapping[str, float],
) -> None:
    """Write a table in the common form."""
    form = {
        "name": name,
        "protocol": protocol,
        "rows": list(rows),
        "seconds": {what: round(value, 2) for what, value in seconds.items()},
        "machine": machine(),
    }
    path.write_bytes(orjson.dumps(form, option=orjson.OPT_INDENT_2))


def format_table(rows: Sequence[Row]) -> str:
    """Return rows as aligned text: the system, its measures, then the interval and the test.

    A column is there if any row has it; a row without it shows a blank. Below stand what is said of
    several rows at once, and what would make the table too wide.
    """
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _IN_NOTES))
    cells = [names, *([_cell(name, row.get(name)) for name in names] for row in rows)]
    for row, line in zip(rows, cells[1:], strict=True):
        if row.get("best_single"):
            line[0] += " *"
    widths = [max(len(line[n]) for line in cells) for n in range(len(names))]
    lines = [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join([*lines, *_notes(rows)])


def _notes(rows: Sequence[Row]) -> list[str]:
    notes = [_difference(row) for row in rows if "minus_weighted" in row]
    for _, task in groupby(rows, key=lambda row: str(row.get("system")).startswith("e2e_")):
        notes += _tests(list(task))
    if any(row.get("best_single") for row in rows):
        notes.insert(0, "* best single scorer; p by a paired randomisation test against it")
    return notes


def _tests(rows: Sequence[Row]) -> list[str]:
    """Say what is left of the tests of one task, corrected, and what they could show."""
    tested = [row for row in rows if "p_holm" in row]
    if not tested:
        return []
    best = next((row["system"] for row in rows if row.get("best_single")), "the baseline")
    alike = [f"{row['system']} ({row['p_holm']:.4f})" for row in tested if row["p_holm"] >= _LEVEL]
    many = "1 comparison" if len(tested) == 1 else f"{len(tested)} comparisons"
    several = f"p corrected for {many} with {best} (Holm)"
    found = f"not below {_LEVEL} for {', '.join(alike)}" if alike else f"all below {_LEVEL}"
    notes = [f"{several}: {found}"]
    least = [row["detectable"] for row in tested if "detectable" in row]
    if least:
        span = f"{min(least):.4f}" if len(least) == 1 else f"{min(least):.4f} to {max(least):.4f}"
        notes.append(
            f"smallest difference to {best} that {tested[0]['queries']:,} queries would show "
            f"(power 80 %): {span} nDCG@10"
        )
    return notes


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "ci95":
        return f"[{value[0]:.4f}, {value[1]:.4f}]"
    if name.startswith("p_"):
        return f"{value:.4f}"
    if isinstance(value, float):
        return f"{value:.2f}" if name.endswith(("_ms", "_mb", "_s")) else f"{value:.4f}"
    return str(value)


def _difference(row: Row) -> str:
    test = row["minus_weighted"]
    low, high = test["ci95"]
    return (
        f"{row['system']} minus weighted: {test['mean']:+.4f} nDCG@10, "
        f"95 % interval [{low:+.4f}, {high:+.4f}], p = {test['p']:.4f}"
    )
