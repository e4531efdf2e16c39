"""What a deadline costs a request in which nothing is late: time of the processor, microseconds.

    python -m benchmarks.deadline [--requests 4000]

A request of twelve stages that do nothing: four of a search, eight scorers. `none` runs them in
the caller's thread, `deadline` in a thread that may be left behind.
"""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, process_time

import click

from benchmarks.common import options, report
from search_rerank.guarding.deadline import NO_DEADLINE, Deadline
from search_rerank.guarding.guards import Guards
from search_rerank.stages import Stages, answered

SCORERS = tuple(f"scorer_{n}" for n in range(8))
WARM = 200


@click.command()
@options
@click.option("--requests", default=4000, show_default=True, type=click.IntRange(100, 1_000_000))
def main(requests: int, data: Path | None, json_file: Path | None) -> None:
    """Print the cost of a request with and without a deadline."""
    del data
    begun = perf_counter()
    rows = []
    for system, deadline in (("none", NO_DEADLINE), ("deadline", Deadline.after(60_000))):
        guards = Guards()
        for _ in range(WARM):
            answered(_nothing, guards, deadline)
        cpu_s, wall_s = process_time(), perf_counter()
        for _ in range(requests):
            answered(_nothing, guards, deadline)
        cpu_us = (process_time() - cpu_s) / requests * 1e6
        wall_us = (perf_counter() - wall_s) / requests * 1e6
        rows.append({"system": system, "cpu_us": cpu_us, "wall_us": wall_us})
    protocol = f"{requests} requests of 12 stages that do nothing, one after another"
    report("deadline", protocol, rows, {"all": perf_counter() - begun}, json_file)


def _nothing(stages: Stages) -> None:
    for stage in ("encode", "retrieve"):
        stages.run(stage, int)
    stages.run("state", int, stages.guards.state)
    with stages.turn():
        for name in SCORERS:
            breaker = stages.guards.scorer(name)
            stages.run(f"score.{name}", int, breaker, of="features", share=0.5, errors=False)
        stages.run("fuse", int)


if __name__ == "__main__":
    main()
