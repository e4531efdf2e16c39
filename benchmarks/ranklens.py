"""Metarank's own benchmark by its own protocol: which of 24 films shown are chosen.

    python -m benchmarks.ranklens [--seeds N] [--json FILE] [--data DIR]

Metarank 0.7.11 reaches nDCG@10 .5985 at best, stopped on the test part and with the place shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options, report
from benchmarks.lists import Fixed
from benchmarks.seeded import row_of
from search_rerank.data.catalogue import Catalogue
from search_rerank.data.events import Events
from search_rerank.data.layouts import data_root
from search_rerank.data.ranklens import NAME, read_ranklens
from search_rerank.errors import DataError
from search_rerank.evaluation.compare import paired_test
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.cascade import Cascade
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.fusion.trees import TreeOptions
from search_rerank.fusion.vote import Vote
from search_rerank.fusion.weighted import Weighted
from search_rerank.occasions import from_log
from search_rerank.replay import Replay, Replayed

MEASURES = ("nDCG@10", "MRR", "HR@1")
MAIN = MEASURES[0]
GAINS = {"click": 1.0}
ATTRIBUTES = (
    "popularity",
    "budget",
    "runtime",
    "release_date",
    "genres",
    "tags",
    "actors",
    "director",
    "writer",
)
"""What of a film becomes features, as `[features] attributes` of the settings."""
HISTORY = 50
SHOWN = "query.engine_rank"
"""The place shown, since candidates come in the order shown: no model may see it."""
TEST = 0.2
TREES = TreeOptions(
    trees=600,
    leaves=15,
    learning_rate=0.05,
    min_rows=100,
    validation=0.1,
    patience=60,
    threads=1,
    truncation=24,
    features=0.5,
    rows=0.7,
    reg=10.0,
)
FIRST_STAGE = 12
"""Films of the 24 that the cascade's first stage hands to its trees."""
OPINIONS = (
    "shown.rate_30d",
    "item.rating_count",
    "attributes.popularity",
    "attributes.affinity",
    "attributes.genres_affinity",
    "attributes.tags_affinity",
)
"""The columns that the vote and the weighted sum are made of."""
ALONE = {
    "popularity": "attributes.popularity",
    "vote_cnt": "item.rating_count",
    "click_rate": "shown.rate_30d",
    "affinity": "attributes.affinity",
}
"""Rows of one column: films without a value come last, ties are broken at random."""
Scores = Callable[[FeatureTable], NDArray[np.floating]]


def rows_of_log(folder: Path) -> Replayed:
    """Replay the log from its start: each list with a click, with what was known before it."""
    dataset = read_ranklens(folder)
    catalogue = Catalogue.from_items(dataset.items, properties=ATTRIBUTES)
    events = Events.from_events(dataset.events, catalogue.ids)
    start_ms = int(events.rankings.time_ms[0])
    asked = from_log(events, start_ms, int(events.time_ms[-1]) + 1, GAINS, 0, shown=True)
    if len(asked) < 10:
        raise DataError(f"{folder}: expected at least 10 lists with a click, found {len(asked)}")
    builder = FeatureBuilder(catalogue, ())
    replay = Replay(Fixed(), builder, GAINS, HISTORY, live=True)
    return Replayed.concat(list(replay.run(events, asked, start_ms)))


def without_places(table: FeatureTable) -> FeatureTable:
    """Return the columns that vary and do not tell the place shown."""
    low, high = (of.reduce(table.X, axis=0) for of in (np.fmin, np.fmax))
    names = [
        name
        for name, varies in zip(table.names, high > low, strict=True)
        if varies and name != SHOWN
    ]
    keep = [table.names.index(name) for name in names]
    return FeatureTable(tuple(names), table.X[:, keep], table.offsets, table.engine_rank)


def grown(
    table: FeatureTable, gains: NDArray[np.float32], seeds: int
) -> dict[str, Sequence[Scores]]:
    """Return name to the scores under each seed; what needs no seed is learnt once."""
    weighted = Weighted.fit(table, gains, OPINIONS)
    options = [replace(TREES, seed=seed) for seed in range(seeds)]
    fused: dict[str, Sequence[Scores]] = {
        "vote": [Vote(OPINIONS).fuse] * seeds,
        "weighted": [weighted.fuse] * seeds,
        "lambdamart": [LambdaMart.fit(table, gains, one).fuse for one in options],
        "cascade": [Cascade.fit(table, gains, weighted, FIRST_STAGE, one).fuse for one in options],
    }
    return alone(seeds) | fused


def alone(seeds: int) -> dict[str, Sequence[Scores]]:
    """Return the rows that learn nothing; the same under each seed, but for their ties."""
    chances = [np.random.default_rng(seed) for seed in range(seeds)]
    return {
        "random": [lambda table, rng=rng: rng.random(len(table)) for rng in chances],  # type: ignore[misc]
        "shown_order": [lambda table: -table.engine_rank.astype(np.float64)] * seeds,
        **{
            name: [lambda table, of=of: table.column(of).astype(np.float64)] * seeds  # type: ignore[misc]
            for name, of in ALONE.items()
        },
    }


def measured(
    systems: Mapping[str, Sequence[Scores]],
    test: FeatureTable,
    gains: NDArray[np.float32],
    shoppers: Sequence[str],
) -> list[dict[str, Any]]:
    """Return a row a system: means over queries and seeds; intervals resample shoppers."""
    values: dict[str, NDArray[np.float64]] = {}
    rows = []
    for name, seeds in systems.items():
        ranked = []
        for seed, scores in enumerate(seeds):
            # Never by the order of the rows, which is the order shown.
            ties = np.random.default_rng(seed).permutation(len(test))
            ranked.append(Grouped.ranked(gains, scores(test), ties, test.offsets))
        found = {of: np.stack([parse_measure(of).values(one) for one in ranked]) for of in MEASURES}
        values[name] = found[MAIN]
        rows.append(row_of(name, found, shoppers))
    for row in rows:
        mine, rate = values[row["system"]].mean(axis=0), values["click_rate"].mean(axis=0)
        row["p_vs_click_rate"] = paired_test(mine, rate, np.random.default_rng(0), shoppers).p
    return rows


def protocol(train: int, test: int) -> str:
    """Return in words what was held out and how it was ranked."""
    return (
        f"{NAME}, Metarank's own protocol: the log replayed in its order, features as of the "
        f"moment of each list; of the lists with a click the first {train:,} train, the last "
        f"{test:,} test; nDCG@10 with gain 1 for a click, all 24 films of the list ranked; trees "
        "stopped on the last 10 % of train; no model sees the place at which a film was shown; "
        "spread: best seed less worst"
    )


@click.command()
@options
@click.option("--seeds", default=3, show_default=True, help="How often trees are grown anew.")
def main(data: Path | None, json_file: Path | None, seeds: int) -> None:
    """Print how well each system finds the films that were chosen."""
    start = perf_counter()
    rows = rows_of_log(data or data_root() / NAME)
    seconds, start = {"replay": perf_counter() - start}, perf_counter()
    cut = int(len(rows.occasions) * (1 - TEST))
    row = int(rows.table.offsets[cut])
    table = without_places(rows.table)
    first = np.arange(len(table)) < row
    train = FeatureTable(
        table.names, table.X[:row], table.offsets[: cut + 1], table.engine_rank[:row]
    )
    test = FeatureTable(
        table.names, table.X[row:], table.offsets[cut:] - row, table.engine_rank[row:]
    )
    systems = grown(train, rows.gains[first], seeds)
    seconds["fit"], start = perf_counter() - start, perf_counter()
    found = measured(systems, test, rows.gains[~first], rows.shoppers[cut:])
    seconds["test"] = perf_counter() - start
    about = protocol(cut, len(rows.occasions) - cut)
    report("ranklens", about, found, seconds, json_file)


if __name__ == "__main__":
    main()
