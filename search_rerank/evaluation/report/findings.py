"""Everything that a report says, worked out once, before a word of it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError, nearest
from search_rerank.evaluation.beyond import Shelf, parse_list_measure
from search_rerank.evaluation.evaluate import protocol
from search_rerank.evaluation.evaluated import FIRST, Evaluated, Evaluation, Row
from search_rerank.evaluation.exposure import GroupExposure, exposure_by_group
from search_rerank.evaluation.report.calibration import Bucket, calibration
from search_rerank.evaluation.slice_table import SliceRow, slice_table
from search_rerank.evaluation.slices import slices
from search_rerank.evaluation.systems import Standing, against_baseline
from search_rerank.evaluation.wins import (
    SideBySide,
    WinsAndLosses,
    side_by_side,
    wins_and_losses,
)
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.contributions import Contributions
from search_rerank.fusion.selection import Selection
from search_rerank.labels.propensity import Propensities
from search_rerank.training import Shop, cuts

BEYOND = (
    *("coverage@10", "gini@10", "novelty@10", "new_items@10"),
    *("diversity@10", "category_diversity@10"),
)
EXAMPLES = 4
"""Queries shown each way, with lists side by side."""
EXPLAINED_ROWS = 8_000
"""Rows whose scores are taken apart: trees take a while to explain each."""


@dataclass(frozen=True)
class Task:
    """The table of one task: its rows, and each system beside the baseline."""

    evaluated: Evaluated
    rows: Sequence[Row]
    standings: Sequence[Standing]

    @property
    def asks(self) -> str:
        """What was to be ranked, in words."""
        return "whole catalogue" if self.evaluated.whole_catalogue else "given candidates"

    def standing(self, system: str) -> Standing:
        """Return one system's."""
        return next(one for one in self.standings if one.system == system)


@dataclass(frozen=True)
class Explanation:
    """What a fusion's scores are made of: gain while learning, contributions on the test part."""

    of: str
    importance: Mapping[str, float]
    contributions: Contributions

    @property
    def features(self) -> list[tuple[str, float, float]]:
        """Name, share of the gain and mean absolute contribution, strongest first."""
        strength = self.contributions.strength
        total = sum(self.importance.values()) or 1.0
        return [
            (name, self.importance.get(name, 0.0) / total, value)
            for name, value in strength.items()
        ]

    @property
    def groups(self) -> list[tuple[str, float, float]]:
        """The same added up over groups of features, named before the first dot."""
        found: dict[str, tuple[float, float]] = {}
        for name, gain, value in self.features:
            group = name.split(".")[0]
            gains, values = found.get(group, (0.0, 0.0))
            found[group] = gains + gain, values + value
        rows = [(group, gains, values) for group, (gains, values) in found.items()]
        return sorted(rows, key=lambda row: -row[2])


@dataclass(frozen=True)
class Findings:
    """What was found, all of it but the tables of the task that is most like serving.

    Parameters
    ----------
    name, protocol
        Of the data, and how it was held out and ranked, in words.
    chosen, baseline
        The system the report is about, and the one it is compared with.
    tasks
        Prefix to table.
    main
        The task that the rest is about.
    slices
        The baseline, the best scorer alone and the chosen system on every slice.
    beyond
        System to measure to value.
    exposure
        Brands by how much the chosen system shows them, on the sampled queries.
    explanation
        Of the chosen fusion, or of another where that one cannot say; None where none can.
    buckets, rising
        Calibration of the chosen system's score; see `calibration`.
    counts, won, lost
        Queries by who is better on them, and examples.
    propensities
        How often each place is looked at, None for a log without rankings.
    selection
        How the chosen fusion was chosen, None where that is not known.
    """

    name: str
    protocol: str
    chosen: str
    baseline: str
    tasks: Mapping[str, Task]
    main: Task
    slices: Sequence[SliceRow]
    beyond: Mapping[str, Mapping[str, float]]
    exposure: Sequence[GroupExposure]
    explanation: Explanation | None
    buckets: Sequence[Bucket]
    rising: bool
    counts: WinsAndLosses
    won: Sequence[SideBySide]
    lost: Sequence[SideBySide]
    propensities: Propensities | None = None
    selection: Selection | None = None


def work_out(
    shop: Shop,
    evaluation: Evaluation,
    fusions: Mapping[str, Mapping[str, Fusion]],
    chosen: str,
    baseline: str = "engine",
    propensities: Propensities | None = None,
    selection: Selection | None = None,
) -> Findings:
    """Return what an evaluation found of a fusion, beside a baseline.

    Parameters
    ----------
    shop, fusions
        What was evaluated.
    chosen, baseline
        Names of systems in the table, without a prefix.
    propensities, selection
        To be shown, where there are any.

    Raises
    ------
    ConfigError
        On a name that is no system, naming the nearest.
    """
    main = evaluation.serving
    for name in (chosen, baseline):
        if name not in main.values:
            raise ConfigError(f"unknown system {name!r}{nearest(name, main.systems)}")
    cut_ms = cuts(shop.events, shop.config.training).test
    tasks = {prefix: _task(one, baseline) for prefix, one in evaluation.tasks.items()}
    parts = slices(
        main.occasions,
        shop.catalogue,
        shop.events,
        cut_ms,
        shop.live,
        main.history,
        shop.dataset.query_items,
    )
    shelf = Shelf.before(cut_ms, shop.catalogue, shop.events)
    measures = [parse_list_measure(name) for name in BEYOND]
    buckets, rising = calibration(main.scores[chosen], main.sample.gains)
    won_and_lost = wins_and_losses(main.of(chosen), main.of(baseline), n=len(main.occasions))
    return Findings(
        name=shop.dataset.name,
        protocol=protocol(shop),
        chosen=chosen,
        baseline=baseline,
        tasks=tasks,
        main=tasks[main.prefix],
        slices=slice_table(
            # Few systems: each cell more makes the correction of all of them harsher.
            {name: main.of(name) for name in (baseline, main.best_single, chosen)},
            parts,
            baseline,
            np.random.default_rng(main.seed),
            main.shoppers,
        ),
        beyond={
            name: {str(measure): measure.value(lists, shelf) for measure in measures}
            for name, lists in main.lists.items()
        },
        exposure=_exposure(shop, main, chosen),
        explanation=_explanation(fusions[main.prefix], chosen, main.sample.table),
        buckets=buckets,
        rising=rising,
        counts=won_and_lost,
        won=_examples(shop, main, won_and_lost.most_won, chosen, baseline),
        lost=_examples(shop, main, won_and_lost.most_lost, chosen, baseline),
        propensities=propensities,
        selection=selection,
    )


def _task(evaluated: Evaluated, baseline: str) -> Task:
    standings = against_baseline(
        {name: evaluated.of(name, FIRST) for name in evaluated.systems},
        baseline,
        np.random.default_rng(evaluated.seed),
        evaluated.shoppers,
    )
    return Task(evaluated, evaluated.rows(), standings)


def _exposure(shop: Shop, main: Evaluated, chosen: str) -> list[GroupExposure]:
    lists = main.lists[chosen][main.sampled]
    return exposure_by_group(
        lists,
        shop.catalogue.brand,
        shop.catalogue.brands,
        main.sample.items,
        main.sample.table.offsets,
        min(10, lists.shape[1]),
    )


def _explanation(
    fusions: Mapping[str, Fusion], chosen: str, table: FeatureTable
) -> Explanation | None:
    """Explain the chosen fusion, or, where one scorer was chosen, the last fusion there is."""
    if not fusions or len(table) == 0:
        return None
    name = chosen if chosen in fusions else list(fusions)[-1]
    step = -(-len(table) // EXPLAINED_ROWS)
    kept = np.zeros(len(table.sizes), dtype=bool)
    kept[::step] = True
    found = fusions[name].contributions(table.rows(np.repeat(kept, table.sizes)))
    return Explanation(name, fusions[name].importance(), found)


def _examples(
    shop: Shop, main: Evaluated, queries: NDArray[np.int64], chosen: str, baseline: str
) -> list[SideBySide]:
    """Return the clearest queries of different texts with the lists of both systems."""
    first: dict[str, int] = {}
    for query in queries.tolist():
        first.setdefault(main.occasions[query].query.text, query)
        if len(first) == EXAMPLES:
            break
    return side_by_side(
        np.array(list(first.values()), dtype=np.int64),
        main.of(chosen),
        main.of(baseline),
        main.lists[chosen],
        main.lists[baseline],
        main.occasions,
        shop.catalogue,
    )
