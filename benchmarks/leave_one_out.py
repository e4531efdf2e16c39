"""Leave-one-out: each shopper's last item is asked for, all that they have not had is ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from benchmarks.common import options, report
from benchmarks.full_ranking import Task, lists_of, measure
from benchmarks.kept import keep, kept
from benchmarks.stacking import Stack
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.layouts import data_root
from search_rerank.data.sequences import STEP_MS, events_of
from search_rerank.fusion.lambdamart import TreeOptions
from search_rerank.scorers.base import Scorer

K = 10
DEPTH = 100
"""Best items of each retriever that a fusion chooses from."""
LAST = {"validation": 2, "test": 1}
"""How far from its end a shopper's asked item is."""

Histories = dict[str, list[str]]
Options = Mapping[str, Any]


DAY_S = 86_400
_NO_DATES = {"half_life_days": 0.0}
AFTER = {**_NO_DATES, "decay": 0.5, "backward": 0.1, "distance": 0.5}
UNDATED: Mapping[str, Options] = {
    "popularity": {"half_life_days": 1e6},
    "item_knn": {**_NO_DATES, "weighting": "cosine", "decay": 0.6},
    "user_knn": {**_NO_DATES, "decay": 0.6},
    "co_occurrence": AFTER,
    "graph_filter": {**_NO_DATES, "decay": 0.6},
}
"""Options of scorers where only the order is known, chosen on the validation parts of both."""
VARIANTS: Mapping[str, tuple[str, Options]] = {
    "all_after": ("co_occurrence", {**AFTER, "window": 50, "decay": 1.0}),
    "next": ("co_occurrence", {**AFTER, "window": 1, "backward": 0.0}),
    "before": ("co_occurrence", {**AFTER, "window": 5, "backward": 100.0}),
    "rare_after": ("co_occurrence", {**AFTER, "popularity": 0.5}),
    "popular_of_late": ("popularity", {"half_life_days": 3 * STEP_MS / 1000 / DAY_S}),
}
"""More columns of the fusions."""
TREES = TreeOptions(trees=300, leaves=15, learning_rate=0.06, threads=1)
"""How the trees of the learnt fusion are grown."""


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
    retrievers
        Scorers whose best items the fusions choose from.
    recent
        Scorers that the fusions also ask about the last item alone, and about the last two.
    published
        System to HR@10 and nDCG@10 of the test part.
    text
        Scorers that read titles or categories.
    """

    name: str
    data: str
    read: Callable[[Path], Histories]
    catalogue: Callable[[Path, Sequence[str]], Catalogue]
    settings: Mapping[str, Options]
    retrievers: Sequence[str]
    recent: Sequence[str]
    published: Mapping[str, tuple[float, float]]
    text: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Part:
    """One part of a benchmark, and where its fitted scorers are kept between runs, if anywhere."""

    benchmark: Benchmark
    name: str
    task: Task
    kept: Path | None

    def fit(self, column: str) -> tuple[Scorer, float]:
        """Return the scorer of a column, fitted now or before, and the seconds that took."""
        own = VARIANTS.get(column)
        name, options = own or (column, self.benchmark.settings[column])
        start = perf_counter()
        stem = self.kept and self.kept / f"{self.benchmark.name}-{self.name}-{column}"
        scorer = stem and kept(stem, name, options)
        if not scorer:
            scorer = self.task.fit(name, options)
            if stem:
                keep(stem, scorer)
        return scorer, perf_counter() - start

    def stack(self, names: Sequence[str], fitted: Mapping[str, Scorer]) -> Stack:
        """Return the fusions' view of these scorers; those that are fitted need not be again."""
        columns = [*names, *(column for column, (name, _) in VARIANTS.items() if name in names)]
        return Stack(
            {column: fitted.get(column) or self.fit(column)[0] for column in columns},
            [name for name in self.benchmark.retrievers if name in names],
            DEPTH,
            [name for name in self.benchmark.recent if name in names],
        )


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


def halved(task: Task, half: int) -> Task:
    """Return the task with every second shopper, from the first (0) or the second (1) on."""
    rows = slice(half, None, 2)
    return replace(task, histories=task.histories[rows], targets=task.targets[rows])


def _measured(
    asked: Part, taught: Part | None, names: Sequence[str]
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Return the rows of the scorers, and of the fusions learnt on `taught`; seconds to fit."""
    fusions = None
    if taught and taught.name != asked.name:
        fusions = taught.stack(names, {}).learn(taught.task, TREES)
    timed = {name: asked.fit(name) for name in names}
    fitted = {name: scorer for name, (scorer, _) in timed.items()}
    lists = {}
    if taught:
        stack = asked.stack(names, fitted)
        lists = stack.lists(asked.task, fusions or stack.learn(taught.task, TREES), K)
    for name, scorer in fitted.items():
        if name not in lists:
            lists[name] = lists_of(scorer.score, asked.task, K)
    rows = []
    for name in [*fitted, *(name for name in lists if name not in fitted)]:
        values = measure(lists[name], asked.task, K)
        means = {column: float(values[column].mean()) for column in (f"HR@{K}", f"nDCG@{K}")}
        reads = asked.benchmark.text & ({name} if name in fitted else set(names))
        row = {"system": name, **means, "text": "yes" if reads else "no"}
        rows.append(row | ({"fit_s": timed[name][1]} if name in timed else {}))
    return rows, {name: seconds for name, (_, seconds) in timed.items()}


def run(
    benchmark: Benchmark,
    scorers: str | None,
    fuse: bool,
    part: str,
    users: int | None,
    fitted: Path | None,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print hit rate and nDCG of each scorer and of their fusions beside the published rows."""
    names = scorers.split(",") if scorers else list(benchmark.settings)
    if unknown := sorted(set(names) - set(benchmark.settings)):
        known = ", ".join(benchmark.settings)
        raise click.BadParameter(f"expected some of {known}, found {unknown}")
    if fuse and not set(names) & set(benchmark.retrievers):
        raise click.BadParameter(f"a fusion needs one of {', '.join(benchmark.retrievers)}")
    folder = data or data_root() / benchmark.data
    histories = benchmark.read(folder)
    items = dict.fromkeys(item for seen in histories.values() for item in seen)
    catalogue = benchmark.catalogue(folder, list(items))

    def of(name: str) -> Part:
        task = task_of(histories, catalogue, name)
        return Part(benchmark, name, task if users is None else task.spread(users), fitted)

    asked = taught = of(part)
    if part == "test":
        taught = of("validation")
    else:
        asked, taught = (replace(asked, task=halved(asked.task, half)) for half in (1, 0))
    rows, seconds = _measured(asked, taught if fuse else None, names)
    if part == "test":
        rows += [
            {"system": f"{name} (published)", f"HR@{K}": hit, f"nDCG@{K}": ndcg}
            for name, (hit, ndcg) in benchmark.published.items()
        ]
    taught = "every second one" if part == "validation" else "the validation part"
    protocol = (
        f"{benchmark.data}, {part} part, {len(asked.task.histories)} shoppers, leave-one-out, "
        "every unseen item ranked, no sampled negatives; scorers learn from all that lies before "
        f"the asked item (of the test, the validation item, too); fusions learn from {taught}"
    )
    report(benchmark.name, protocol, rows, seconds, json_file)


def leave_one_out_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of both benchmarks."""
    asked = (
        click.option("--scorers", help="Names, with commas between; all if left out."),
        click.option("--fuse/--no-fuse", default=True, help="Whether to fuse them, too."),
        click.option("--part", type=click.Choice(list(LAST)), default="test", show_default=True),
        click.option("--users", type=int, help="So many shoppers, spread evenly, not all."),
        click.option(
            "--fitted",
            type=click.Path(path_type=Path, file_okay=False),
            help="Keep fitted scorers in this folder, and take them from there where the options "
            "are the same.",
        ),
    )
    for option in reversed(asked):
        command = option(command)
    return options(command)
