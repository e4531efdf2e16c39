"""Candidates and their scores as an answer and its hits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import repeat
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Answer, Hit, Team
from search_rerank.explaining.explainer import NOTHING, Told
from search_rerank.features.table import FeatureTable
from search_rerank.query import Candidates
from search_rerank.ranking import Ranking, Ruled, places_of
from search_rerank.stages import Stages

T = TypeVar("T")
Watch = Callable[[Ranking], None]
"""Shown each ranking before it becomes an answer, with all that went into it; must not raise."""


def make_hits(
    candidates: Candidates,
    scores: NDArray[np.floating],
    order: NDArray[np.intp],
    table: FeatureTable | None = None,
    explored: Collection[int] = (),
    teams: Mapping[int, Team] = MappingProxyType({}),
    place_of: Mapping[str, int] | None = None,
    told: Told = NOTHING,
    ruled: Ruled | None = None,
) -> list[Hit]:
    """Return the candidates as hits.

    Parameters
    ----------
    candidates
        In the engine's order.
    scores
        (n,), by which they were ordered.
    order
        (n,) or fewer, rows of the candidates, best first.
    table
        Their features.
    explored
        Rows that were given their place because they are new.
    teams
        Row to the ranker that chose its place; an explored or a pinned one was chosen by neither.
    place_of
        Item id to its place before, where that is not the engine's.
    told
        What is to be told of some rows.
    ruled
        What rules did to the order.
    """
    by = ruled.by if ruled is not None else {}
    before = places_of(ruled.before) if ruled is not None else {}
    # Nobody chose an item that has its place because it is new, or by a pin.
    placed = {*explored, *(ruled.pinned if ruled is not None else ())}
    rows = order.tolist()
    ids = list(map(candidates.ids.__getitem__, rows))
    features = (
        {row: _features(table, row) for row in told.explanations} if table is not None else {}
    )
    # Column by column: an answer has hundreds of hits, and most fields of most are not set.
    columns = (
        ids,
        scores[order].tolist(),
        rows if place_of is None else list(map(place_of.__getitem__, ids)),
        _numbers(candidates.lexical[order]),
        _numbers(candidates.vector[order]),
        _values(features, rows, None),
        _values(told.explanations, rows, None),
        _values(told.reasons, rows, None),
        _values(dict.fromkeys(explored, True), rows, False),
        _values({row: team for row, team in teams.items() if row not in placed}, rows, None),
        _values(by, rows, ()),
        _values(before, rows, None),
    )
    # Each has a field for every row, or one for as many as there are.
    return list(map(Hit._make, zip(*columns, strict=False)))


class Made(NamedTuple):
    """What becomes an answer: candidates, their ranking, what is told of rows, the stages.

    `personalised` is whether anything of the shopper might be known.
    """

    candidates: Candidates
    ranking: Ranking
    told: Told
    stages: Stages
    personalised: bool = False


def answer_of(
    made: Made, watch: Watch | None = None, place_of: Mapping[str, int] | None = None
) -> Answer:
    """Return a ranking as an answer, with what is told of its rows."""
    candidates, ranking, told, stages, personalised = made
    if watch is not None:
        watch(ranking)
    hits = make_hits(
        candidates,
        ranking.scores,
        ranking.order,
        ranking.table,
        ranking.explored,
        ranking.teams,
        place_of,
        told,
        ranking.ruled,
    )
    return Answer(
        hits=hits,
        total=candidates.total,
        facets=candidates.facets,
        history=ranking.history,
        timings_ms=stages.timings_ms,
        degraded=stages.degraded,
        bundle=ranking.bundle,
        basis=ranking.basis,
        trial=ranking.trial,
        rules=ranking.ruled.uses if ranking.ruled is not None else (),
        total_exact=candidates.total_exact,
        statistics=candidates.statistics,
        did_you_mean=candidates.did_you_mean,
        searched=candidates.searched,
        relaxed=candidates.relaxed,
        personalised=personalised,
    )


def _values(by_row: Mapping[int, T], rows: list[int], default: T) -> Iterable[T]:
    return map(by_row.get, rows, repeat(default)) if by_row else repeat(default)


def _numbers(column: NDArray[np.float32]) -> Iterable[float | None]:
    return map(_known, column.tolist()) if np.isnan(column).any() else column.tolist()


def _features(table: FeatureTable, row: int) -> dict[str, float | None]:
    return dict(zip(table.names, map(_known, table.X[row].tolist()), strict=True))


def _known(value: float) -> float | None:
    return value if value == value else None
