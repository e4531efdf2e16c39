"""Candidates in their final order: state read, features built, columns fused."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Basis, Degraded, Team, Trial
from search_rerank.basis import basis_of_moment
from search_rerank.bundle import Bundle
from search_rerank.config import ExperimentConfig
from search_rerank.data.history import History
from search_rerank.data.ids import UNKNOWN
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment, read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.cascade import fuse_within
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.stages import stage
from search_rerank.state.base import State
from search_rerank.trial import Tried, on_trial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ranking:
    """Candidates of one query and how good each is.

    Parameters
    ----------
    scores
        float64 (n,), the fused scores; the engine's own where nothing ranked.
    order
        (n,), rows of the candidates, best first; ties as the engine has them.
    moment, table
        What was known and the features made of it, as far as the ranking came; else None.
    bundle
        Version of the bundle that ranked, None where the engine's order was kept.
    basis
        From what the shopper was known; None where nothing ranked.
    history
        How many interactions of the shopper were known.
    explored
        Rows that were given their place because they are new.
    trial, teams
        The experiment that it is part of, if any, and who chose each row of an interleaved list.
    """

    scores: NDArray[np.float64]
    order: NDArray[np.intp]
    moment: Moment | None = None
    table: FeatureTable | None = None
    bundle: str | None = None
    basis: Basis | None = None
    history: int = 0
    explored: frozenset[int] = frozenset()
    trial: Trial | None = None
    teams: Mapping[int, Team] = field(default_factory=dict)


def as_they_come(candidates: Candidates, history: int) -> Ranking:
    """Return candidates in the order they have, for a shopper of so many interactions."""
    scores = candidates.score.astype(np.float64)
    return Ranking(scores, np.arange(len(candidates)), history=history)


def rank(
    in_use: InUse,
    state: State,
    query: Query,
    candidates: Candidates,
    *,
    personalise: bool,
    timings_ms: dict[str, float],
    degraded: list[Degraded],
    item: str | None = None,
    experiment: ExperimentConfig | None = None,
) -> Ranking:
    """Return the candidates ranked by the bundle in use, or in the engine's order.

    Parameters
    ----------
    query
        A sorted one keeps the engine's order.
    personalise
        False reads nothing of the shopper.
    timings_ms, degraded
        Get the times of the stages, and what went wrong: ranking never costs the answer.
    item
        Id of an item that the shopper looks at just now: the newest of the history.
    experiment
        What may rank in place of the bundle's own choice.
    """
    moment: Moment | None = None
    table: FeatureTable | None = None
    tried: Tried | None = None
    scores: NDArray[np.float64] = candidates.score.astype(np.float64)
    ranked_by: str | None = None
    known: Basis | None = None
    history = 0
    bundle, builder = in_use.bundle, in_use.builder
    if query.sort:
        pass  # the shopper chose the order
    elif bundle is None or builder is None:
        degraded.append(Degraded("rank", "no bundle: run search-rerank train"))
    elif len(candidates):
        try:
            with stage("state", timings_ms):
                moment = moment_for(bundle, builder, state, query, candidates, personalise)
                basis, history = basis_of_moment(moment, item is not None), len(moment.history)
                moment = looking_at(moment, item, bundle)
            with stage("features", timings_ms):
                table, failed = builder.build(moment)
            degraded += failed
            with stage("fuse", timings_ms):
                tried = on_trial(bundle, table, query, experiment, in_use.ranking_ms, degraded)
                if tried is None:
                    scores, short = fuse_within(bundle.ranker, table, in_use.ranking_ms)
                    degraded += short
                else:
                    scores = tried.scores
            ranked_by, known = bundle.version, basis
        except Exception as error:  # ranking must never cost the shopper the answer
            log.exception("ranking failed; the engine's order is kept")
            degraded.append(Degraded("rank", type(error).__name__))
    order = np.lexsort((np.arange(len(candidates)), -scores))
    ranking = Ranking(scores, order, moment, table, ranked_by, known, history)
    return ranking if tried is None else replace(ranking, trial=tried.trial, teams=tried.teams)


def moment_for(
    bundle: Bundle,
    builder: FeatureBuilder,
    state: State,
    query: Query,
    candidates: Candidates,
    personalise: bool,
) -> Moment:
    """Return what a bundle may know of a query: its own catalogue and settings count."""
    settings = bundle.config.training  # what the features were trained with, not our own
    catalogue, n = builder.catalogue, settings.history
    return read_moment(query, candidates, catalogue, state, settings.gains, n, personalise)


def looking_at(moment: Moment, item: str | None, bundle: Bundle) -> Moment:
    """Return a moment whose history ends with an item, looked at in this session."""
    number = UNKNOWN if item is None else bundle.catalogue.ids.number(item)
    if number == UNKNOWN:
        return moment
    past = moment.history
    weight = bundle.config.training.gains.get("click", 1.0)
    history = History.of(
        [*past.items.tolist(), number],
        now_ms=past.now_ms,
        time_ms=[*past.time_ms.tolist(), past.now_ms],
        weight=[*past.weight.tolist(), weight],
        in_session=[*past.in_session.tolist(), True],
    )
    return replace(moment, history=history)
