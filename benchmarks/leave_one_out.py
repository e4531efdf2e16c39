"""Leave-one-out: each shopper's last item is asked for, all that they have not had is ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from benchmarks.common import options, report
from benchmarks.full_ranking import Task, lists_of, measure
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.layouts import data_root
from search_rerank.data.sequences import events_of

K = 10
LAST = {"validation": 2, "test": 1}
"""How far from its end a shopper's asked item is."""

Histories = dict[str, list[str]]


@dataclass(frozen=True)
class Benchmark:
    """A data set, the settings chosen on its validation part, and what was published on it.

    Parameters
    ----------
    name
        Of the module.
    data
        Folder under the data root.
    read
        Folder to the shoppers' items, oldest first.
    catalogue
        (folder, item ids) to the catalogue.
    settings
        Options of each scorer.
    text
        Scorers that read titles or categories.
    published
        System to HR@10 and nDCG@10 of the test part.
    """

    name: str
    data: str
    read: Callable[[Path], Histories]
    catalogue: Callable[[Path, Sequence[str]], Catalogue]
    settings: Mapping[str, Mapping[str, Any]]
    published: Mapping[str, tuple[float, float]]
    text: frozenset[str] = frozenset()


def task_of(histories: Histories, catalogue: Catalogue, part: str) -> Task:
    """Return the task of one part; a shopper with too few items is learnt from, never asked for.

    Scorers learn from what lies before the asked item: the validation part sees neither its own
    answers nor the test's.
    """
    last = LAST[part]
    had = {user: items[: len(items) - last] for user, items in histories.items()}
    asked = [user for user, items in had.items() if items]
    return Task(
        events_of(had, catalogue.ids),
        catalogue,
        [catalogue.ids.numbers(had[user]) for user in asked],
        [catalogue.ids.numbers([histories[user][-last]]) for user in asked],
    )


def run(
    benchmark: Benchmark,
    scorers: str | None,
    part: str,
    users: int | None,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print hit rate and nDCG of each scorer beside the published rows."""
    names = scorers.split(",") if scorers else list(benchmark.settings)
    if unknown := sorted(set(names) - set(benchmark.settings)):
        known = ", ".join(benchmark.settings)
        raise click.BadParameter(f"expected some of {known}, found {unknown}")
    folder = data or data_root() / benchmark.data
    histories = benchmark.read(folder)
    items = dict.fromkeys(item for seen in histories.values() for item in seen)
    task = task_of(histories, benchmark.catalogue(folder, list(items)), part)
    asked = task if users is None else task.spread(users)
    rows: list[dict[str, Any]] = []
    for name in names:
        start = perf_counter()
        scorer = task.fit(name, benchmark.settings[name])
        fit_s = perf_counter() - start
        start = perf_counter()
        values = measure(lists_of(scorer.score, asked, K), asked, K)
        score_ms = 1000 * (perf_counter() - start) / len(asked.histories)
        rows.append(
            {
                "system": name,
                **{name: float(values[name].mean()) for name in (f"HR@{K}", f"nDCG@{K}")},
                "text": "yes" if name in benchmark.text else "no",
                "fit_s": fit_s,
                "score_ms": score_ms,
            }
        )
    seconds = {row["system"]: row["fit_s"] for row in rows}
    if part == "test":
        rows += [
            {"system": f"{name} (published)", f"HR@{K}": hit, f"nDCG@{K}": ndcg}
            for name, (hit, ndcg) in benchmark.published.items()
        ]
    protocol = (
        f"{benchmark.data}, {part} part, {len(asked.histories)} shoppers, leave-one-out, every "
        "unseen item ranked, no sampled negatives"
    )
    report(benchmark.name, protocol, rows, seconds, json_file)


def leave_one_out_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of both benchmarks."""
    parts = click.Choice(list(LAST))
    scorers = click.option("--scorers", help="Names, with commas between; all if left out.")
    part = click.option("--part", type=parts, default="test", show_default=True)
    users = click.option(
        "--users", type=int, help="So many shoppers, spread evenly; all if left out."
    )
    return scorers(part(users(options(command))))
