"""One builder for replay and service: a moment in, one group of a feature table out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

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
from search_rerank.features.arrays import Column
from search_rerank.features.late import Late, Once
from search_rerank.features.moment import Moment
from search_rerank.features.table import FeatureTable
from search_rerank.scorers.base import Scorer

GROUPS = {
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
    """Computes every feature of a moment's candidates.

    Parameters
    ----------
    catalogue
        Item fields and vectors.
    scorers
        Fitted scorers, in the order of their columns.
    late
        Columns that are computed only where a fusion asks for them.
    """

    catalogue: Catalogue
    scorers: Sequence[Scorer]
    late: Sequence[Late] = ()

    def build(self, moment: Moment) -> tuple[FeatureTable, list[Degraded]]:
        """Return the candidates' features as a table of one group, and which scorers failed."""
        found: dict[str, Column] = {}
        for columns in GROUPS.values():
            found |= columns(moment, self.catalogue)
        scored, failed = scores.columns(moment, self.scorers)
        found |= scored
        n = len(moment.items)
        X = np.empty((n, len(found)), dtype=np.float32)
        for place, column in enumerate(found.values()):
            X[:, place] = column
        table = FeatureTable(
            names=tuple(found),
            X=X,
            offsets=np.array([0, n], dtype=np.int64),
            engine_rank=np.arange(n, dtype=np.int32),
            late={one.name: Once(partial(one.values, moment)) for one in self.late},
        )
        return table, failed
