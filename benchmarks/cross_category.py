"""The category that a shopper turns to next, of those their history does not hold.

    python -m benchmarks.cross_category [--dataset shop] [--part validation] [--json FILE]
                                        [--data DIR]

Scorers are fitted before the cut and asked about the first interactions in a new category after
it, each with the newest 50 interactions before it. `new category` looks among all categories that
the history lacks, `new department` among those of departments that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from search_rerank.config import TrainingConfig
from search_rerank.data.amazon import read_amazon_beauty
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.dataset import Dataset
from search_rerank.data.event import GAINS
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.data.layouts import data_root
from search_rerank.data.shop import generate
from search_rerank.scorers.cross_category import CrossCategory
from search_rerank.training import cuts

K = 5
NEWEST = 50
NEAR = "the same, the history's departments first"
Numbers = NDArray[np.int32]
Ask = Callable[[History, bool], Numbers]
"""A history, and whether only other departments are asked for, to the K best categories."""


@dataclass(frozen=True)
class Turn:
    """An interaction with a category that the history before it does not hold."""

    history: History
    category: int
    outside: bool
    """Whether the history lacks its department, too."""


def turns(events: Events, fitted: CrossCategory, start_ms: int, end_ms: int) -> list[Turn]:
    """Return the turns of [start_ms, end_ms) by actors with a history, in time order."""
    weight = events.weights(dict(GAINS))
    actor, leaf, department = events.actor(), fitted.category, fitted.department
    past: dict[int, list[int]] = {}
    found = []
    last = int(np.searchsorted(events.time_ms, end_ms, side="left"))
    for n in range(last):
        rows = past.setdefault(int(actor[n]), [])
        category = int(leaf[events.item[n]])
        newest = np.array(rows[-NEWEST:], dtype=np.int64)
        now_ms = int(events.time_ms[n])
        if now_ms >= start_ms and len(rows) and category >= 0 and weight[n] > 0:
            had = leaf[events.item[newest]]
            if category not in had:
                history = History.of(
                    events.item[newest],
                    now_ms=now_ms,
                    time_ms=events.time_ms[newest],
                    weight=weight[newest],
                )
                outside = department[category] not in department[had[had >= 0]]
                found.append(Turn(history, int(fitted.categories[category]), bool(outside)))
        rows.append(n)
    return found


def by_demand(fitted: CrossCategory, near: bool) -> Ask:
    """Return the most wanted categories of all, or of the history's departments first."""

    def ask(history: History, outside: bool) -> Numbers:
        had = fitted.category[history.items]
        had = had[had >= 0]
        rank = fitted.share.astype(np.float64)
        inside = np.isin(fitted.department, fitted.department[had])
        if outside:
            rank = np.where(inside, -1.0, rank)
        elif near:
            rank = rank + inside
        rank[had] = -1.0
        return fitted.categories[np.argsort(-rank, kind="stable")[:K]]

    return ask


def hits(ask: Ask, asked: Sequence[Turn], outside: bool) -> NDArray[np.float64]:
    """Return the reciprocal place of each turn's category among the K first, 0 past them."""
    found = []
    for turn in asked:
        place = np.flatnonzero(ask(turn.history, outside) == turn.category)
        found.append(1 / (1 + place[0]) if len(place) else 0.0)
    return np.array(found)


@click.command()
@options
@click.option(
    "--dataset", type=click.Choice(["beauty", "shop"]), default="beauty", show_default=True
)
@click.option(
    "--part", type=click.Choice(["validation", "test"]), default="test", show_default=True
)
def main(dataset: str, part: str, data: Path | None, json_file: Path | None) -> None:
    """Print how often the next new category is among the first five."""
    made = read(dataset, data)
    catalogue = Catalogue.from_items(made.items)
    events = Events.from_events(made.events, catalogue.ids)
    cut = cuts(events, TrainingConfig())
    start_ms, end_ms = (cut.train, cut.test) if part == "validation" else (cut.test, cut.end)
    before = perf_counter()
    fitted = CrossCategory().fit(events, catalogue, now_ms=start_ms)
    fit_s = perf_counter() - before
    asked = turns(events, fitted, start_ms, end_ms)

    def complements(history: History, outside: bool) -> Numbers:
        return fitted.complements(history, K, outside=outside)[0]

    systems: dict[str, Ask] = {
        "popularity of categories": by_demand(fitted, near=False),
        NEAR: by_demand(fitted, near=True),
        "cross_category": complements,
    }
    rows: list[dict[str, Any]] = []
    for task, outside in (("new category", False), ("new department", True)):
        some = [turn for turn in asked if turn.outside or not outside]
        for name, ask in systems.items():
            if outside and name == NEAR:
                continue  # none of these departments is asked for
            found = hits(ask, some, outside)
            rows.append(
                {
                    "task": task,
                    "system": name,
                    "asked": len(some),
                    f"HR@{K}": float((found > 0).mean()),
                    f"MRR@{K}": float(found.mean()),
                }
            )
    protocol = (
        f"{made.name}, {part} part, the next interaction in a category that the newest "
        f"{NEWEST} before it do not hold; {len(fitted.categories)} categories"
    )
    report("cross_category", protocol, rows, {"cross_category": fit_s}, json_file)


def read(dataset: str, folder: Path | None) -> Dataset:
    """Return the data set of a name; a folder stands for Beauty's own."""
    if dataset == "shop":
        return generate().dataset()
    return read_amazon_beauty(folder or data_root() / "amazon_beauty_5core")


if __name__ == "__main__":
    main()
