"""What every benchmark shares: its options, its table and its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from search_rerank.evaluation.form import format_table, write_json

Rows = Sequence[Mapping[str, Any]]


def options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all benchmarks have."""
    path = click.Path(path_type=Path)
    json_file = click.option("--json", "json_file", type=path, help="Also write JSON here.")
    data = click.option("--data", type=path, help="Another data set in the same layout.")
    return json_file(data(command))


def report(
    name: str, protocol: str, rows: Rows, seconds: Mapping[str, float], json_file: Path | None
) -> None:
    """Print the table, and write it in the common form where a file is given."""
    print(protocol)
    print(format_table(rows))
    if json_file is not None:
        write_json(json_file, name, protocol, rows, seconds)


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Return the 50th, 95th and 99th percentile of times in milliseconds."""
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
    return {"p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}
