"""Scorers on `gowalla_m1`, the split of NGCF and LightGCN: every item a shopper has not had ranked.

    python -m benchmarks.gowalla [--scorers NAME,NAME] [--part validation] [--users N]
                                 [--json FILE] [--data DIR]

Each scorer is fitted and asked in a process of its own. The log is ids without an order that means
anything, so nothing decays.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from benchmarks.full_ranking import Task, lists_of, measure
from search_rerank.data.layouts import data_root
from search_rerank.data.sequences import catalogue_of, events_of, read_lists

NAME = "gowalla_m1"
K = 20
HELD_OUT = 0.2
"""Share of each shopper's training items that the validation part asks for."""
SEED = 0

UNORDERED = {"decay": 1.0}
UNDATED = {"decay": 1.0, "half_life_days": 0.0}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "popularity": {"half_life_days": 1e6},
    "item_knn": {
        **UNDATED,
        "weighting": "cosine",
        "cosine_power": 0.8,
        "actor_power": 0.7,
        "neighbours": 1000,
    },
    "user_knn": {**UNDATED, "rarity": 0.3},
    "graph_filter": {
        **UNDATED,
        "dim": 1024,
        "alpha": 1.6,
        "actor_power": 0.6,
        "candidate_power": 0.4,
        "item_power": 0.4,
    },
    "als": {**UNORDERED, "dim": 128, "reg": 50.0, "alpha": 20.0},
    "bpr": {
        **UNORDERED,
        "dim": 256,
        "epochs": 200,
        "learning_rate": 0.05,
        "reg": 0.003,
        "popularity": 0.5,
    },
    "logistic_mf": {**UNORDERED},
    "neural_mf": {
        **UNORDERED,
        "dim": 512,
        "epochs": 1,
        "patience": 0,
        "learning_rate": 0.0005,
        "ordered": False,
    },
}
"""Options of each scorer, chosen on the validation part.

`bpr` rose there with `dim` (64, 128, 256) and fell with `reg` (.01 to .001). `logistic_mf` was not
tried."""
ONLY_ASKED = ("neural_mf",)
"""Fitted only where they are named: they need the extra `torch`."""

PUBLISHED = {
    "ItemCF": (0.1570, 0.1214),
    "MF-BPR": (0.1627, 0.1378),
    "SLIM": (0.1699, 0.1382),
    "EASE": (0.1765, 0.1467),
    "LightGCN": (0.1830, 0.1554),
    "GF-CF": (0.1849, 0.1518),
    "UltraGCN": (0.1862, 0.1580),
    "SimpleX": (0.1872, 0.1557),
}
"""recall@20 and nDCG@20 of the test part, from the BARS leaderboard."""


def read_part(folder: Path, part: str) -> Task:
    """Return the task of one part: `test`, or `validation`, which never opens the test's answers.

    Raises
    ------
    DataError
        For a file that is missing or damaged.
    """
    had = read_lists(folder / "train.txt.gz")
    if part == "test":
        asked = read_lists(folder / "test.txt.gz")
    else:
        had, asked = held_out(had, np.random.default_rng(SEED))
    everything = (id_ for lists in (had, asked) for items in lists.values() for id_ in items)
    catalogue = catalogue_of(list(dict.fromkeys(everything)))
    users = [user for user in asked if asked[user] and had.get(user)]

    def numbers(lists: Mapping[str, list[str]]) -> list[NDArray[np.int32]]:
        return [catalogue.ids.numbers(lists[user]) for user in users]

    return Task(events_of(had, catalogue.ids), catalogue, numbers(had), numbers(asked))


def held_out(
    histories: Mapping[str, list[str]], rng: np.random.Generator
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return histories without a share drawn from each, and what was drawn."""
    kept, drawn = {}, {}
    for user, items in histories.items():
        order = rng.permutation(len(items)).tolist()
        n = int(HELD_OUT * len(items))
        drawn[user] = [items[place] for place in order[:n]]
        kept[user] = [items[place] for place in order[n:]]
    return kept, drawn


def measured(folder: Path, part: str, users: int | None, name: str) -> dict[str, Any]:
    """Return the row of one scorer: its measures, seconds to fit, and memory that took."""
    task = read_part(folder, part)
    before = _peak_mb()
    start = perf_counter()
    scorer = task.fit(name, SETTINGS[name])
    fit_s, grown = perf_counter() - start, _peak_mb() - before
    asked = task if users is None else task.spread(users)
    start = perf_counter()
    values = measure(lists_of(scorer.score, asked, K), asked, K)
    score_ms = 1000 * (perf_counter() - start) / len(asked.histories)
    means = {measure_: float(values[measure_].mean()) for measure_ in (f"recall@{K}", f"nDCG@{K}")}
    return {"system": name, **means, "fit_s": fit_s, "fit_peak_mb": grown, "score_ms": score_ms}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@click.command()
@options
@click.option(
    "--scorers",
    default=",".join(name for name in SETTINGS if name not in ONLY_ASKED),
    show_default=True,
    help="Names, with commas between; also neural_mf.",
)
@click.option(
    "--part", type=click.Choice(["validation", "test"]), default="test", show_default=True
)
@click.option("--users", type=int, help="So many shoppers, spread evenly; all if left out.")
def main(
    scorers: str, part: str, users: int | None, data: Path | None, json_file: Path | None
) -> None:
    """Print recall and nDCG of each scorer beside the published rows."""
    names = scorers.split(",")
    if unknown := sorted(set(names) - set(SETTINGS)):
        raise click.BadParameter(f"expected some of {', '.join(SETTINGS)}, found {unknown}")
    folder = data or data_root() / NAME
    rows: list[dict[str, Any]] = []
    for name in names:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as alone:
            rows.append(alone.submit(measured, folder, part, users, name).result())
    seconds = {row["system"]: row["fit_s"] for row in rows}
    if part == "test":
        rows += [
            {"system": f"{name} (published)", f"recall@{K}": recall, f"nDCG@{K}": ndcg}
            for name, (recall, ndcg) in PUBLISHED.items()
        ]
    protocol = (
        f"{NAME}, {part} part, {'all' if users is None else users} shoppers, every unseen item "
        "ranked, no sampled negatives"
    )
    report("gowalla", protocol, rows, seconds, json_file)


if __name__ == "__main__":
    main()
