"""Each scorer alone: how good it ranks in personalised search, what it costs to fit, keep and ask.

    python -m benchmarks.scorers [--scorers NAME,NAME] [--part validation] [--no-quality]
                                 [--no-times] [--requests 500] [--json FILE] [--data DIR]

On `amazon_beauty_5core` by the protocol that `search-rerank evaluate` uses. A request is timed on
200 candidates for a history of 50 in one thread; the last row asks all scorers one after another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter, time
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.common import options, report
from search_rerank.answer import Degraded
from search_rerank.arrays import write_tensors
from search_rerank.config import Config, EncoderConfig, ScorerConfig
from search_rerank.data.history import History
from search_rerank.data.layouts import data_root, load_dataset
from search_rerank.engines import open_engine
from search_rerank.errors import MissingExtra
from search_rerank.evaluation.compare import bootstrap_ci
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment
from search_rerank.features.table import FeatureTable
from search_rerank.scorers import SCORERS
from search_rerank.scorers.base import Scorer
from search_rerank.stages import Stages
from search_rerank.training import Shop, as_of, cuts, fit_scorers, quiet, replayed, tasks
from search_rerank.workspace import Workspace

NAME = "amazon_beauty_5core"
MAIN = "nDCG@10"
CANDIDATES = 200
HISTORY = 50
SEED = 0

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "user_knn": {"half_life_days": 30.0, "rarity": 0.0, "neighbours": 2000},
    "co_occurrence": {"half_life_days": 20.0, "decay": 0.8, "prior": 0.01},
    "logistic_mf": {"dim": 8, "negatives": 5, "sample": 1000},
    "neural_mf": {"decay": 0.9},
}
"""Options that differ from the defaults here, chosen on the validation part."""
DIM = 512
"""Dimension of the encoder, chosen alike."""

FLOORS = {
    "popularity, half-life 30 d": 0.2427,
    "user-kNN cosine": 0.2170,
    "raw co-occurrence, decayed history": 0.2138,
    "ALS 64": 0.2085,
    "directed co-occurrence": 0.2079,
    "item BM25": 0.2018,
    "item cosine": 0.1986,
    "BPR 64": 0.1919,
    "title TF-IDF profile": 0.1723,
    "brand in history": 0.1311,
}
"""Measured on the test part by small scripts before this product: what each kind should reach."""


@dataclass(frozen=True)
class Part:
    """One part of the log: scorers learn before `start_ms`, queries up to `end_ms` are ranked."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Fit:
    """A fitted scorer and how long that took."""

    scorer: Scorer
    fit_s: float


class ScoresOnly(FeatureBuilder):
    """Builds the columns of scorers alone: no other feature is looked at here."""

    def build(
        self, moment: Moment, stages: Stages | None = None
    ) -> tuple[FeatureTable, list[Degraded]]:
        """Return each scorer's raw column as a table of one group; it has all the time it takes."""
        n = len(moment.items)
        scores = [scorer.score(moment.history, moment.items) for scorer in self.scorers]
        table = FeatureTable(
            names=tuple(scorer.name for scorer in self.scorers),
            X=np.column_stack(scores),
            offsets=np.array([0, n], dtype=np.int64),
            engine_rank=np.arange(n, dtype=np.int32),
        )
        return table, []


def fit_each(shop: Shop, names: Sequence[str], part: Part) -> tuple[dict[str, Fit], dict[str, str]]:
    """Return each fitted scorer, and for those that cannot be fitted here the reason."""
    found: dict[str, Fit] = {}
    missing: dict[str, str] = {}
    for name in names:
        one = (ScorerConfig(name=name, options=dict(SETTINGS.get(name, {}))),)
        start = perf_counter()
        try:
            (scorer,) = fit_scorers(
                replace(shop, config=shop.config.model_copy(update={"scorers": one})), part.start_ms
            )
        except MissingExtra as error:
            missing[name] = str(error)
        else:
            found[name] = Fit(scorer, perf_counter() - start)
    return found, missing


def quality(shop: Shop, fits: Mapping[str, Fit], part: Part) -> dict[str, dict[str, Any]]:
    """Return nDCG@10 of each scorer alone and its interval, the shoppers being drawn."""
    rng = np.random.default_rng(SEED)
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in fits}
    shoppers: list[str] = []
    occasions = tasks(shop, part.start_ms, part.end_ms)[""]
    bare = replace(shop, config=shop.config.model_copy(update={"scorers": ()}))
    with as_of(bare, part.start_ms) as replay:
        scorers = [fit.scorer for fit in fits.values()]
        known = replace(replay, builder=ScoresOnly(shop.catalogue, scorers))
        for rows in replayed(known, shop, occasions, part.start_ms, quiet, "queries"):
            chance = rng.permutation(len(rows.table))
            for name in fits:
                scores = rows.table.column(name).astype(np.float64)
                ranked = Grouped.ranked(rows.gains, scores, chance, rows.table.offsets, rows.missed)
                values[name].append(parse_measure(MAIN).values(ranked))
            shoppers += rows.shoppers
    found: dict[str, dict[str, Any]] = {}
    for name, parts in values.items():
        every = np.concatenate(parts)
        ci95 = bootstrap_ci(every, np.random.default_rng(SEED), clusters=shoppers)
        found[name] = {MAIN: float(every.mean()), "ci95": ci95}
    return found


def requests_of(shop: Shop, part: Part, n: int) -> list[tuple[History, NDArray[np.int32]]]:
    """Return requests whose histories and candidates are drawn as items are bought: dear ones."""
    rng = np.random.default_rng(SEED)
    bought = shop.events.before(part.start_ms).item
    items = np.unique(bought)
    share = np.bincount(bought)[items] / len(bought)

    def drawn(size: int) -> NDArray[np.int32]:
        return rng.choice(items, size, replace=False, p=share).astype(np.int32)

    return [(History.of(drawn(HISTORY), now_ms=part.start_ms), drawn(CANDIDATES)) for _ in range(n)]


def times(
    scorers: Sequence[Scorer], requests: Sequence[tuple[History, NDArray[np.int32]]]
) -> float:
    """Return the median of the microseconds that scorers take for a request, one thread."""
    took = []
    with threadpool_limits(1):
        for history, items in [*requests[:20], *requests]:  # the first ones warm up
            start = perf_counter()
            for scorer in scorers:
                scorer.score(history, items)
            took.append(1e6 * (perf_counter() - start))
    return float(np.median(took[20:]))


def sizes(scorer: Scorer) -> dict[str, float]:
    """Return megabytes in a bundle and in memory: the fitted arrays."""
    arrays = scorer.arrays()
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "scorer"
        write_tensors(file, arrays)
        disk = file.stat().st_size
    resident = sum(array.nbytes for array in arrays.values())
    return {"disk_mb": disk / 2**20, "resident_mb": resident / 2**20}


@click.command()
@options
@click.option("--scorers", default=",".join(SCORERS), help="Names, with commas between.")
@click.option(
    "--part", type=click.Choice(["validation", "test"]), default="test", show_default=True
)
@click.option("--quality/--no-quality", "rank", default=True, help="Whether to rank the part.")
@click.option("--times/--no-times", "clock", default=True, help="Whether to time requests.")
@click.option("--requests", default=500, show_default=True, type=click.IntRange(20, 20_000))
def main(
    scorers: str,
    part: str,
    rank: bool,
    clock: bool,
    requests: int,
    data: Path | None,
    json_file: Path | None,
) -> None:
    """Print a row for each scorer, and one for all of them together."""
    names = scorers.split(",")
    if unknown := sorted(set(names) - set(SCORERS)):
        raise click.BadParameter(f"expected some of {', '.join(SCORERS)}, found {unknown}")
    seconds: dict[str, float] = {}
    dataset = load_dataset(data or data_root() / NAME, int(time() * 1000))
    if dataset.query_items is None:
        raise click.BadParameter(f"--data: expected a set that says what a query asks for: {NAME}")
    with tempfile.TemporaryDirectory() as scratch:
        config = Config(home=Path(scratch), encoder=EncoderConfig(dim=DIM), scorers=())
        workspace = Workspace(config)
        with closing(open_engine(config)) as engine, workspace.cache() as cache:
            shop = workspace.shop(dataset, engine, cache)
            cut = cuts(shop.events, config.training)
            window = Part(cut.train, cut.test) if part == "validation" else Part(cut.test, cut.end)
            fits, missing = fit_each(shop, names, window)
            rows: dict[str, dict[str, Any]] = {name: {"system": name} for name in fits}
            if rank:
                start = perf_counter()
                for name, values in quality(shop, fits, window).items():
                    rows[name] |= values
                seconds["quality"] = perf_counter() - start
    for name, fit in fits.items():
        rows[name] |= {"fit_s": fit.fit_s, **sizes(fit.scorer)}
    last: dict[str, Any] = {"system": "all together"}
    last |= {key: sum(row[key] for row in rows.values()) for key in ("disk_mb", "resident_mb")}
    if clock:
        asked = requests_of(shop, window, requests)
        for name, fit in fits.items():
            rows[name]["p50_us"] = round(times([fit.scorer], asked))
        last["p50_us"] = round(times([fit.scorer for fit in fits.values()], asked))
    table = [*rows.values(), last]
    if rank and part == "test":
        table += [{"system": f"{name} (floor)", MAIN: value} for name, value in FLOORS.items()]
    protocol = (
        f"{NAME}, {part} part, personalised search: each purchase of a known user and item, once "
        "for every query that holds it, all of the query's unseen items ranked, state frozen at "
        f"the cut, no sampled negatives; p50_us: {CANDIDATES} candidates, a history of {HISTORY}, "
        "one thread, items drawn as they are bought; sizes are those of the fitted arrays"
    )
    report("scorers", protocol, table, seconds, json_file)
    for name, reason in missing.items():
        print(f"{name}: not fitted: {reason}")


if __name__ == "__main__":
    main()
