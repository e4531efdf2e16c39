"""The experiment that a search is part of: which fusions rank it, and who chose each item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Degraded, Team, Trial
from search_rerank.bundle import Bundle
from search_rerank.config import ExperimentConfig
from search_rerank.errors import BundleError, nearest
from search_rerank.experiments.assignment import Experiment, seed
from search_rerank.experiments.interleaving import team_draft
from search_rerank.exploration import seed_of
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.cascade import fuse_within
from search_rerank.fusion.stage import Step
from search_rerank.query import Query

INTERLEAVED = "interleaved"
"""The variant of those who see both rankers in one list."""


@dataclass(frozen=True)
class Tried:
    """How a query's rows were ranked in an experiment.

    Parameters
    ----------
    scores
        float64 (n,), by which the rows are ordered; of an interleaved list only the order tells.
    trial
        What the answer says of it.
    teams
        Row to who chose it, in an interleaved list.
    steps
        What the fusion of each team did; None where one fusion chose all rows.
    """

    scores: NDArray[np.float64]
    trial: Trial
    teams: dict[int, Team]
    steps: dict[Team | None, list[Step]]


def variant_of(settings: ExperimentConfig, query: Query) -> str | None:
    """Return which variant a query's shopper sees; None where they are in no experiment.

    Visitors without a name and a session are in none: nobody could see the same again.
    """
    shopper = query.user if query.user is not None else query.session
    if not settings.name or shopper is None:
        return None
    if settings.mode == "interleave":
        shares = {INTERLEAVED: settings.share}
    else:
        shares = {name: settings.share / 2 for name in (settings.control, settings.treatment)}
    return Experiment(settings.name, shares, settings.salt).variant(shopper)


def on_trial(
    bundle: Bundle,
    table: FeatureTable,
    query: Query,
    settings: ExperimentConfig | None,
    budget_ms: float | None,
    degraded: list[Degraded],
) -> Tried | None:
    """Rank a query's rows as its shopper's variant does; None where they are in no experiment.

    What goes wrong is told by `degraded`; without its fusions the bundle ranks as if there were no
    experiment.

    Parameters
    ----------
    budget_ms
        Milliseconds to rank in, which two rankers share; None without a limit.
    """
    variant = None if settings is None else variant_of(settings, query)
    if settings is None or variant is None:
        return None
    try:
        if variant == INTERLEAVED:
            return _interleaved(bundle, table, query, settings, budget_ms, degraded)
        steps: list[Step] = []
        scores = _fused(bundle, variant, table, budget_ms, degraded, steps)
        return Tried(scores, Trial(settings.name, variant), {}, {None: steps})
    except BundleError as error:
        degraded.append(Degraded("experiment", str(error)))
        return None


def _interleaved(
    bundle: Bundle,
    table: FeatureTable,
    query: Query,
    settings: ExperimentConfig,
    budget_ms: float | None,
    degraded: list[Degraded],
) -> Tried:
    half_ms = None if budget_ms is None else budget_ms / 2
    lists = []
    steps: dict[Team | None, list[Step]] = {"a": [], "b": []}
    for name, own in zip((settings.treatment, settings.control), steps.values(), strict=True):
        fused = _fused(bundle, name, table, half_ms, degraded, own)
        lists.append(np.lexsort((np.arange(len(table)), -fused)).tolist())
    # The same all day, so that the pages of one search go on from each other.
    coins = seed(settings.name, settings.salt, str(seed_of(query, personalise=True)))
    made = team_draft(lists[0], lists[1], coins)
    scores = np.empty(len(table))
    scores[list(made.items)] = np.arange(len(table), 0, -1)
    chosen = zip(made.items, made.teams, strict=True)
    teams = {row: team for row, team in chosen if team is not None}
    return Tried(scores, Trial(settings.name, INTERLEAVED), teams, steps)


def _fused(
    bundle: Bundle,
    name: str,
    table: FeatureTable,
    budget_ms: float | None,
    degraded: list[Degraded],
    steps: list[Step],
) -> NDArray[np.float64]:
    fusion = bundle.serving.get(name)
    if fusion is None:
        raise BundleError(
            f"the experiment names a fusion that the bundle has not: {name!r}"
            f"{nearest(name, bundle.serving)}"
        )
    scores, short = fuse_within(fusion, table, budget_ms, steps=steps)
    degraded += short
    return scores
