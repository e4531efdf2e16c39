"""Position bias on the generated shop, where the truth is known: recovered, and corrected.

`python -m benchmarks.position_bias` asks two questions of a log of 100,000 rankings, under several
seeds. How near do estimates of how often each place is looked at come to the chances that made the
log? And is a model that was trained with them better on what the items are truly worth to the
shopper than the same model without?
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import options
from benchmarks.true_worth import CANDIDATES, World, make_world
from search_rerank.config import Config, LabelsConfig
from search_rerank.data.events import Events
from search_rerank.data.ids import IdMap
from search_rerank.data.shop import generate
from search_rerank.evaluation.compare import paired_test
from search_rerank.evaluation.form import format_table, write_json
from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.fitting import tree_options
from search_rerank.fusion.lambdamart import LambdaMart
from search_rerank.labels.impressions import Counts, Impressions, read_impressions
from search_rerank.labels.pbm import fit_pbm
from search_rerank.labels.propensity import Propensities, estimate_from
from search_rerank.labels.weighing import inverse_propensities, weigh
from search_rerank.training import cuts

EVENTS_PER_RANKING = 3.54
METHODS: tuple[Literal["em", "harvesting"], ...] = ("em", "harvesting")
MEASURE = parse_measure("nDCG@10")

Row = dict[str, object]


def recover(
    impressions: Impressions, truth: NDArray[np.float64], seed: int
) -> tuple[dict[str, Propensities], list[Row]]:
    """Estimate propensities by every method; return them with a row a method."""
    rows: list[Row] = []
    found: dict[str, Propensities] = {}
    for method in METHODS:
        start = perf_counter()
        found[method] = estimate_from(impressions, method, 200, np.random.default_rng(seed))
        seconds = perf_counter() - start
        one = found[method]
        wrong = np.abs(one.of(np.arange(len(truth))) / truth - 1)
        bounds = zip(one.low, truth.tolist(), one.high, strict=False)
        inside = sum(low <= due <= high for low, due, high in bounds)
        rows.append(
            {
                "system": f"{method}, seed {seed}",
                "worst_error": float(wrong.max()),
                "mean_error": float(wrong.mean()),
                "true_in_95": f"{inside} of {len(truth)}",
                "fit_s": seconds,
            }
        )
    return found, rows


def other_ways(
    impressions: Impressions, season: Impressions, truth: NDArray[np.float64]
) -> list[Row]:
    """Return a row for each way that was not taken, with what it would have erred by.

    Parameters
    ----------
    season
        The same impressions, the whole log being one period.
    """
    counts = impressions.counts
    found = {
        "em, no periods": fit_pbm(season.counts),
        "regression": fit_pbm(counts, regression=True),
        "em, Bernoulli": bernoulli(counts),
    }
    rows: list[Row] = []
    for name, values in found.items():
        wrong = np.abs(values[: len(truth)] / values[0] / truth - 1)
        worst, mean = float(np.nanmax(wrong)), float(np.nanmean(wrong))
        rows.append({"system": f"{name}, seed 0", "worst_error": worst, "mean_error": mean})
    return rows


def bernoulli(counts: Counts, rounds: int = 100) -> NDArray[np.float64]:
    """Return propensities by the EM of Wang et al. (2018) with a free chance for each cell."""
    cell, place = counts.cell, counts.place
    cells, places = counts.by_cell(counts.shown), np.maximum(counts.by_place(counts.shown), 1)
    looked, attracts = np.full(counts.n_places, 0.5), np.full(counts.n_cells, 0.3)
    for _ in range(rounds):
        p, a = looked[place], attracts[cell]
        unclicked = (counts.shown - counts.clicks) / np.maximum(1 - p * a, 1e-12)
        looked = counts.by_place(counts.clicks + unclicked * p * (1 - a)) / places
        attracts = counts.by_cell(counts.clicks + unclicked * a * (1 - p)) / cells
    return looked


def by_place(
    impressions: Impressions, truth: NDArray[np.float64], found: Mapping[str, Propensities]
) -> list[Row]:
    """Return a row a place: the truth, each estimate, and what the click rate would have said."""
    counts = impressions.counts
    rate = counts.by_place(counts.clicks) / np.maximum(counts.by_place(counts.shown), 1)
    rows: list[Row] = []
    for place, due in enumerate(truth):
        row: Row = {"system": f"place {place + 1}", "truth": float(due)}
        for method, one in found.items():
            value = float(one.of(np.array([place]))[0])
            row |= {method: value, f"{method}_error": value / float(due) - 1}
        row["click_rate_error"] = float(rate[place] / rate[0] / due - 1)
        rows.append(row)
    return rows


def models(world: World, bias: Propensities) -> dict[str, LambdaMart]:
    """Train the same trees on the clicks as they are, weighed, and with LightGBM's positions."""
    rows = world.train
    options = tree_options(world.config.training)
    inverse = inverse_propensities(rows.gains, rows.places, bias, world.config.labels.clip)
    weighed = weigh(rows.gains, inverse, rows.table.offsets)
    return {
        "none": LambdaMart.fit(rows.table, rows.gains, options),
        "ips": LambdaMart.fit(rows.table, weighed.gains, options, weights=weighed.weights),
        "position": LambdaMart.fit(rows.table, rows.gains, options, positions=rows.places),
    }


def measured(world: World, scores: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Return nDCG@10 of each test query, by true worth and by the clicks that were logged."""
    table = world.test.table
    return {
        name: MEASURE.values(
            Grouped.ranked(gains, scores, table.engine_rank, table.offsets, missed)
        )
        for name, gains, missed in (
            ("true", world.worth, None),
            ("clicks", world.test.gains, world.test.missed),
        )
    }


def compared(values: Mapping[str, Mapping[str, NDArray[np.float64]]], who: list[str]) -> list[Row]:
    """Return a row a model, each against the one that leaves the bias as it is."""
    rows: list[Row] = []
    for name, of in values.items():
        row: Row = {"system": name, "nDCG@10_true": float(of["true"].mean())}
        row["nDCG@10_clicks"] = float(of["clicks"].mean())
        if name != "none":
            test = paired_test(of["true"], values["none"]["true"], np.random.default_rng(0), who)
            row |= {"minus_none": test.mean, "ci95": list(test.ci95), "p_vs_none": test.p}
        rows.append(row)
    return rows


@click.command()
@click.option("--seeds", default=3, show_default=True, help="How many shops.")
@click.option("--rankings", default=100_000, show_default=True, help="How many a shop has.")
@click.option("--train", default=3000, show_default=True, help="Queries to learn from.")
@click.option("--test", default=1200, show_default=True, help="Queries to be measured on.")
@options
def main(
    seeds: int, rankings: int, train: int, test: int, data: Path | None, json_file: Path | None
) -> None:
    """Print how well position bias is recovered, and what correcting it brings."""
    del data  # the shop is made here, since its truth is needed
    labels, gains = LabelsConfig(), Config().training.gains
    places: list[Row] = []
    recovered: list[Row] = []
    trained: list[Row] = []
    pooled: dict[str, dict[str, list[NDArray[np.float64]]]] = {}
    everyone: list[str] = []
    start = perf_counter()
    for seed in range(seeds):
        made = generate(seed=seed, events=int(rankings * EVENTS_PER_RANKING))
        truth = made.truth.examination
        events = Events.from_events(made.events, IdMap(item.id for item in made.items))
        whole = (events, gains, int(events.time_ms[-1]) + 1, labels.period_days, labels.places)
        found, rows = recover(read_impressions(*whole), truth, seed)
        recovered += [{**row, "rankings": len(events.rankings)} for row in rows]
        if not places:
            shown = read_impressions(*whole)
            places = by_place(shown, truth, found)
            season = read_impressions(*whole[:3], 9999.0, labels.places)
            recovered += other_ways(shown, season, truth)
        # What weighs the training may know nothing of the test.
        cut = cuts(events, Config().training)
        before = read_impressions(events, gains, cut.test, labels.period_days, labels.places)
        bias = estimate_from(before, "auto", labels.evidence, np.random.default_rng(seed), draws=2)
        with TemporaryDirectory() as home:
            world = make_world(seed, made, train, test, Path(home))
        values = {
            name: measured(world, model.fuse(world.test.table))
            for name, model in models(world, bias).items()
        }
        who = [f"{seed} {one}" for one in world.test.shoppers]
        everyone += who
        for name, of in values.items():
            for measure, numbers in of.items():
                pooled.setdefault(name, {}).setdefault(measure, []).append(numbers)
        rows = compared(values, who)
        rows = [{**row, "system": f"{row['system']}, seed {seed}"} for row in rows]
        print(format_table(rows), flush=True)  # a seed takes minutes
        trained += rows
    joined = {
        name: {measure: np.concatenate(numbers) for measure, numbers in of.items()}
        for name, of in pooled.items()
    }
    trained += [
        {**row, "system": f"{row['system']}, all seeds"} for row in compared(joined, everyone)
    ]
    tables = {
        f"Place by place: generated shop, seed 0, {rankings:,} rankings; how often each place is "
        "looked at as a share of the first, relative errors, and what the click rate by place "
        "would have said": places,
        "Recovered: relative errors over all places, 95 % intervals that hold the truth, seconds "
        "of the fit with its intervals": recovered,
        f"Trained: LambdaMART on {train:,} queries between the 0.8 and 0.9 quantiles of "
        f"interactions, {CANDIDATES} candidates of the engine each; measured on {test:,} later "
        "queries of shoppers with an account, all candidates, gain = true chance of a click if "
        "looked at, 0 for what lacks a word of the query; propensities from the log before the "
        "test; p by a paired randomisation test over shoppers": trained,
    }
    for protocol, rows in tables.items():
        print(f"{protocol}\n{format_table(rows)}\n")
    if json_file is not None:
        every = [row for rows in tables.values() for row in rows]
        seconds = {"all": perf_counter() - start}
        write_json(json_file, "position_bias", " | ".join(tables), every, seconds)


if __name__ == "__main__":
    main()
