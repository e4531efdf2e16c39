"""One builder for replay and service: a moment in, one group of a feature table out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from search_rerank.answer import Degraded
from search_rerank.data.catalogue import Catalogue
from search_rerank.features import (
    attributes,
    item,
    match,
    neighbourhood,
    query,
    scores,
    session,
    shown,
    similar,
    user,
)
from search_rerank.features.arrays import Column, Columns, Placed, places
from search_rerank.features.late import Late, Once
from search_rerank.features.moment import Moment
from search_rerank.features.table import FeatureTable
from search_rerank.scorers.base import Scorer
from search_rerank.stages import Stages

GROUPS: Mapping[str, Callable[[Moment, Catalogue], Columns]] = {
    "query": query.columns,
    "match": match.columns,
    "neighbourhood": neighbourhood.columns,
    "similar": similar.columns,
    "item": item.columns,
    "shown": shown.columns,
    "attributes": attributes.columns,
    "user": user.columns,
    "session": session.columns,
}


@dataclass(frozen=True)
class FeatureBuilder:
    """Computes the features of a moment's candidates.

    Parameters
    ----------
    catalogue
        Item fields and vectors.
    scorers
        Fitted scorers, in the order of their columns.
    late
        Columns that are computed only where a fusion asks for them.
    groups
        Which of `GROUPS` are computed, whose columns come in the order of that.
    """

    catalogue: Catalogue
    scorers: Sequence[Scorer]
    late: Sequence[Late] = ()
    groups: Collection[str] = tuple(GROUPS)

    def build(
        self, moment: Moment, stages: Stages | None = None
    ) -> tuple[FeatureTable, list[Degraded]]:
        """Return the candidates' features as a table of one group, and which scorers failed.

        Parameters
        ----------
        stages
            Of the request whose time it is. A scorer that is late counts as one that failed; all
            else that is late, or fails, is raised.
        """
        stages = stages or Stages()
        groups = stages.run("features", partial(self._groups, moment))
        scored, failed = scores.columns(moment, self.scorers, stages)
        columns = {**groups, **scored}
        n = len(moment.items)
        table = FeatureTable(
            names=tuple(columns),
            X=_side_by_side(list(columns.values()), n),
            offsets=np.array([0, n], dtype=np.int64),
            engine_rank=np.arange(n, dtype=np.int32),
            late={one.name: Once(partial(one.values, moment)) for one in self.late},
        )
        return table, failed

    def _groups(self, moment: Moment) -> dict[str, Column | Placed]:
        found: dict[str, Column | Placed] = {}
        for name, columns in GROUPS.items():
            if name in self.groups:
                found |= columns(moment, self.catalogue)
        return found


def _side_by_side(columns: Sequence[Column | Placed], n: int) -> NDArray[np.float32]:
    """Return columns (n,) as float32 (n, columns), the places among them told at once."""
    placed = [column.values for column in columns if isinstance(column, Placed)]
    told = iter(places(np.array(placed, dtype=np.float32).reshape(len(placed), n)))
    rows = [next(told) if isinstance(column, Placed) else column for column in columns]
    return np.array(rows, dtype=np.float32).reshape(len(rows), n).T.copy()
