"""What keys, rate limits and metrics cost a request.

    python -m benchmarks.access_and_metrics [--requests 5000] [--json FILE]

An application with one endpoint that does nothing is asked in this process: bare, with its
requests and a typical answer counted as of several workers, and with a key asked for besides. The
kinds take turns, so that whatever else the machine does falls on all of them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import process_time
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
from flask import Flask

from benchmarks.common import options, report
from search_rerank.answer import Degraded
from search_rerank.config import parse_config
from search_rerank.errors import DataError
from search_rerank.features.table import FeatureTable
from search_rerank.keys import create_key, keys_path
from service.access import guard
from service.metrics import FEATURES_EVERY, measure, metrics
from service.metrics_workers import counted_together

_STAGES = ("encode", "retrieve", "state", "features", "fuse", "explore")
_ROWS, _COLUMNS = 200, 80


@click.command()
@options
@click.option("--requests", default=5000, show_default=True, type=click.IntRange(640, 200_000))
def main(requests: int, data: Path | None, json_file: Path | None) -> None:
    """Print a row for each kind; a cost is the mean beyond the bare one, in microseconds."""
    if data is not None:
        raise DataError("expected no --data: nothing of a data set is read")
    with tempfile.TemporaryDirectory() as home, counted_together():
        values: dict[str, Any] = {"home": home, "service": {"workers": 1}}
        values["access"] = {"keys": "always", "per_minute": 10_000_000}
        config = parse_config(values)
        token = create_key(keys_path(config.home), "benchmark", ["admin"], 0).token
        clients = []
        for counts, asks in ((False, False), (True, False), (True, True)):
            app = Flask(__name__)
            if counts:
                measure(app)
            if asks:
                guard(app, config)
            app.add_url_rule("/", "nothing", _counted if counts else _nothing)
            clients.append(app.test_client())
        took: list[list[float]] = [[], [], []]
        for n in range(requests):
            for kind in np.roll(range(3), n).tolist():
                start = process_time()
                answer = clients[kind].get("/", headers={"X-API-Key": token})
                took[kind].append((process_time() - start) * 1e6)
                if answer.status_code != 200:
                    raise DataError(f"expected an answer, found {answer.status}")
    rows = [
        {"system": name, "mean_us": float(np.mean(times)), "cost_us": float(np.mean(times) - bare)}
        for name, times in zip(("bare", "metrics", "metrics and a key"), took, strict=True)
        for bare in [np.mean(took[0])]
    ]
    protocol = (
        f"{requests} requests of each kind in turn, one client in the process, processor time; an "
        f"answer of {len(_STAGES)} stages, one degraded; one of {FEATURES_EVERY} has the missing "
        f"features of {_ROWS} rows and {_COLUMNS} columns counted"
    )
    report("access_and_metrics", protocol, rows, {}, json_file)


def _nothing() -> str:
    return "ok"


def _counted() -> str:
    metrics().answered(_TIMINGS_MS, "history", _DEGRADED)
    if metrics().wants_features():
        metrics().ranked(_RANKING)
    return "ok"


_TIMINGS_MS = dict.fromkeys(_STAGES, 1.0)
_DEGRADED = [Degraded("rank", "late")]
_X = np.where(np.arange(_ROWS * _COLUMNS).reshape(_ROWS, _COLUMNS) % 2, np.nan, 1.0)
_RANKING: Any = SimpleNamespace(
    table=FeatureTable(
        tuple(f"feature.{n}" for n in range(_COLUMNS)), _X.astype(np.float32),
        np.array([0, _ROWS]), np.arange(_ROWS, dtype=np.int32),
    )
)  # fmt: skip

if __name__ == "__main__":
    main()
