"""Candidates in their final order: state read, features built, columns fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil, inf

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Basis, Degraded, RuleUse, Team, Trial
from search_rerank.basis import basis_of_moment
from search_rerank.bundle import Bundle
from search_rerank.config import ExperimentConfig
from search_rerank.data.history import History
from search_rerank.data.ids import UNKNOWN
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import Moment, read_moment
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.cascade import fuse_within
from search_rerank.fusion.stage import Step
from search_rerank.guarding.deadline import Deadline
from search_rerank.in_use import InUse
from search_rerank.query import Candidates, Query
from search_rerank.stages import Stages
from search_rerank.state.base import State
from search_rerank.state.memory import MemoryState
from search_rerank.trial import on_trial


@dataclass(frozen=True)
class Ruled:
    """What rules of the shop did to a ranking.

    Parameters
    ----------
    before
        (m,), rows in the order before, without items that pins put in.
    by
        Row to the ids of the rules that meant it.
    uses
        What each rule did that held.
    pinned
        The rows that have their places by a pin.
    """

    before: NDArray[np.intp]
    by: Mapping[int, tuple[str, ...]]
    uses: tuple[RuleUse, ...]
    pinned: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Ranking:
    """Candidates of one query and how good each is.

    Parameters
    ----------
    scores
        float64 (n,), the fused scores; the engine's own where nothing ranked.
    order
        (m,), rows of the candidates, best first; ties as the engine has them. All of them, but
        those that rules leave out.
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
    ruled
        What rules of the shop did to it; None before, and where none held.
    steps
        What the fusion that ranked did, of an interleaved list that of each team; empty where
        nothing ranked.
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
    ruled: Ruled | None = None
    steps: Mapping[Team | None, Sequence[Step]] = field(default_factory=dict)


def by_score(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return rows by falling score; ties as the engine has them."""
    return np.lexsort((np.arange(len(scores)), -scores))


def places_of(order: NDArray[np.intp]) -> dict[int, int]:
    """Return the place of each row of an order."""
    return {row: place for place, row in enumerate(order.tolist())}


def as_they_come(candidates: Candidates, history: int) -> Ranking:
    """Return candidates in the order they have, for a shopper of so many interactions."""
    scores = candidates.score.astype(np.float64)
    return Ranking(scores, np.arange(len(candidates)), history=history)


def rank(
    in_use: InUse,
    state: State,
    query: Query,
    candidates: Candidates,
    stages: Stages,
    *,
    personalise: bool,
    item: str | None = None,
    experiment: ExperimentConfig | None = None,
    share: float = 1.0,
) -> Ranking:
    """Return the candidates ranked by the bundle in use, or in the engine's order.

    Parameters
    ----------
    query
        A sorted one keeps the engine's order.
    stages
        Runs each stage in its time and gets what went wrong: ranking never costs the answer.
    personalise
        False reads nothing of the shopper.
    item
        Id of an item that the shopper looks at just now: the newest of the history.
    experiment
        What may rank in place of the bundle's own choice.
    share
        Share of the candidates that are ranked, the engine's first; the others follow as they come.
    """
    n = len(candidates)
    if query.sort or not n:
        return as_they_come(candidates, 0)  # the shopper chose the order
    if share < 1:
        stages.degraded.append(Degraded("rank", "shed"))
        first = np.arange(ceil(n * share))
        few = candidates.take(first)
        ranking = rank(
            in_use,
            state,
            query,
            few,
            stages,
            personalise=personalise,
            item=item,
            experiment=experiment,
        )
        return _with_the_rest(ranking, n)
    if stages.deadline.over:
        stages.degraded.append(Degraded("rank", "late"))
        return as_they_come(candidates, 0)
    bundle, builder = in_use.bundle, in_use.builder
    if bundle is None or builder is None:
        stages.degraded.append(Degraded("rank", "no bundle: run search-rerank train"))
        return as_they_come(candidates, 0)
    moment: Moment | None = None
    table: FeatureTable | None = None
    history = 0
    at = "turn"
    try:
        with stages.turn():
            at = "state"
            moment = _moment(bundle, builder, state, query, candidates, stages, personalise)
            basis, history = basis_of_moment(moment, item is not None), len(moment.history)
            moment = looking_at(moment, item, bundle)
            at = "features"
            table, failed = builder.build(moment, stages)
            stages.degraded += failed
            at = "rank"
            fused = stages.run(
                "fuse",
                partial(
                    _fused,
                    bundle,
                    table,
                    query,
                    experiment,
                    in_use.ranking_ms,
                    stages.deadline.of("fuse"),
                ),
            )
    except Exception as error:  # ranking must never cost the shopper the answer
        stages.lost(at, error)
        return replace(as_they_come(candidates, history), moment=moment, table=table)
    ranked, short = fused
    stages.degraded += short
    return replace(
        ranked, moment=moment, table=table, bundle=bundle.version, basis=basis, history=history
    )


def _with_the_rest(ranking: Ranking, n: int) -> Ranking:
    """Return a ranking of the first candidates as one of all n; what went into it is let go."""
    ranked = len(ranking.scores)
    below = ranking.scores.min(initial=0.0) - np.arange(1, n - ranked + 1)
    return replace(
        ranking,
        scores=np.concatenate([ranking.scores, below]),
        order=np.concatenate([ranking.order, np.arange(ranked, n)]),
        moment=None,
        table=None,
        steps={},
    )


def _moment(
    bundle: Bundle,
    builder: FeatureBuilder,
    state: State,
    query: Query,
    candidates: Candidates,
    stages: Stages,
    personalise: bool,
) -> Moment:
    """Return what is known of a query: nothing of what happened where the state does not tell."""
    read = partial(moment_for, bundle, builder, state, query, candidates, personalise)
    try:
        return stages.run("state", read, stages.guards.state)
    except Exception as error:  # a stranger's answer is one, too
        stages.lost("state", error)
        nothing = MemoryState(bundle.config.training.gains)
        return moment_for(bundle, builder, nothing, query, candidates, personalise)


def _fused(
    bundle: Bundle,
    table: FeatureTable,
    query: Query,
    experiment: ExperimentConfig | None,
    ranking_ms: float | None,
    until: Deadline,
) -> tuple[Ranking, list[Degraded]]:
    """Return how a table's rows are ranked, and which stages were late or failed."""
    short: list[Degraded] = []
    budget_ms = min(inf if ranking_ms is None else ranking_ms, until.left_s * 1000)
    limit_ms = None if budget_ms == inf else budget_ms
    tried = on_trial(bundle, table, query, experiment, limit_ms, short)
    if tried is not None:
        order = by_score(tried.scores)
        ranked = Ranking(
            tried.scores, order, trial=tried.trial, teams=tried.teams, steps=tried.steps
        )
        return ranked, short
    steps: list[Step] = []
    scores, late = fuse_within(bundle.ranker, table, limit_ms, steps=steps)
    return Ranking(scores, by_score(scores), steps={None: steps}), short + late


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
