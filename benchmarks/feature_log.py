"""What the feature log costs a request, how large it is, and how fast it is checked.

    python -m benchmarks.feature_log [--home DIR] [--requests 300] [--json FILE]

`--home` is the folder of a demo, such as `.demo/shop-embedded`. Each query is asked with and
without the log in turn, by one client in this process, so that whatever else the machine does falls
on both.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter, process_time

import click
import numpy as np

from benchmarks.common import options, report
from benchmarks.serving import QUERIES
from search_rerank.config import load_config
from search_rerank.errors import DataError
from search_rerank.skew.log import FeatureLog, read_log
from search_rerank.skew.served import replay_log
from search_rerank.state.opening import open_event_log
from search_rerank.workspace import Workspace
from service.app import create_app


@click.command()
@options
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo/shop-embedded"),
    show_default=True,
    help="A demo's folder.",
)
@click.option("--requests", default=300, show_default=True, type=click.IntRange(20, 20_000))
def main(home: Path, requests: int, data: Path | None, json_file: Path | None) -> None:
    """Print one row: times are medians over requests, of the processor and not of the clock."""
    if data is not None:
        raise DataError("expected --home, the folder of a demo, found --data: make a demo of it")
    settings = home / "config.toml"
    if not settings.is_file():
        raise DataError(f"expected a demo in {home}, found none: run search-rerank demo --no-serve")
    config = load_config(settings)
    workspace = Workspace(config)
    app = create_app(config)
    run = app.extensions["search_rerank"]
    client = app.test_client()
    users = [name for name, _ in run.state.shoppers(50)]
    with tempfile.TemporaryDirectory() as folder:
        logs = [FeatureLog(Path(folder), share, 16_000_000, 64) for share in (0.0, 1.0)]
        took: list[list[float]] = [[], []]
        for n in range(requests):
            body = {"query": QUERIES[n % len(QUERIES)], "user": users[n % len(users)]}
            for kind in (n % 2, 1 - n % 2):
                run.feature_log = logs[kind]
                start = process_time()
                answer = client.post("/search", json=body)
                took[kind].append((process_time() - start) * 1000)
                if answer.status_code != 200:
                    raise DataError(
                        f"{home}: expected answers, found {answer.get_json(force=True)}"
                    )
        run.close()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        served = list(read_log(Path(folder)))
        begun = perf_counter()
        with open_event_log(config) as state:
            skew = replay_log(served, workspace.bundle, state)
        checked_s = perf_counter() - begun
    plain, logged = (np.median(times) for times in took)
    row = {
        "system": "feature log",
        "plain_ms": float(plain),
        "logged_ms": float(logged),
        "cost_ms": float(np.median(np.subtract(took[1], took[0]))),
        "kb_a_request": round(size / 1000 / len(served), 1),
        "candidates": round(skew.compared.rows / len(served)),
        "columns": len(served[0].names),
        "checked_s": checked_s,
        "requests": len(served),
        "features_that_differ": len(skew.compared.differing),
    }
    protocol = (
        f"{requests} searches with and without the log in turn, one client in the process, "
        "processor time; then all of them replayed, in seconds of the clock"
    )
    report("feature_log", protocol, [row], {"check": checked_s}, json_file)


if __name__ == "__main__":
    main()
