"""Fusion by ranks alone: nothing to learn, nothing to scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable
from search_rerank.fusion.grouped import ranks


@dataclass(frozen=True)
class Vote:
    """Reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009).

    Each column gives a row ``1 / (k + rank)``, rank 1 for its best row; a row without a value in
    a column gets no vote from it, and neither does any row of a group of equals.

    Parameters
    ----------
    columns
        The features that vote; higher is better in each.
    k
        How little the first places count for; 60 in the paper.
    """

    name: ClassVar[str] = "vote"
    columns: tuple[str, ...]
    k: float = 60.0

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the sum of votes, float64 (n,)."""
        votes = np.zeros(len(table), dtype=np.float64)
        for name in self.columns:
            values = table.column(name)
            cast = ~np.isnan(values) & _spread(table, values)
            votes += np.where(cast, 1.0 / (self.k + 1 + ranks(table, values)), 0.0)
        return votes

    def save(self, folder: Path) -> None:
        """Write `vote.json`."""
        options = {"columns": self.columns, "k": self.k}
        (folder / "vote.json").write_bytes(orjson.dumps(options, option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        options = orjson.loads((folder / "vote.json").read_bytes())
        return cls(columns=tuple(options["columns"]), k=float(options["k"]))


def _spread(table: FeatureTable, values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return whether a row's group has two different values: a column of equals has no opinion."""
    filled = table.sizes[table.sizes > 0]
    starts = table.offsets[:-1][table.sizes > 0]
    if len(starts) == 0:
        return np.zeros(0, dtype=bool)
    low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    spread: NDArray[np.bool_] = np.repeat(high > low, filled)
    return spread


def voters(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that are opinions on relevance, higher is better: scores and demand."""
    opinions = ("query.lexical", "query.vector", "query.interactions_30d")
    demand = ("item.demand_7d", "item.demand_30d")
    scores = tuple(n for n in names if n.startswith("score.") and not n.endswith("_place"))
    return tuple(name for name in (*opinions, *demand, *scores) if name in names)
