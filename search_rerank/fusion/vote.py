"""Fusion by ranks alone: nothing to learn, nothing to scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search_rerank.errors import BundleError, nearest
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.contributions import Contributions, chosen
from search_rerank.fusion.grouped import ranks

VOTES = ("reciprocal", "borda")


@dataclass(frozen=True)
class Vote:
    """Each column votes by its order alone.

    `reciprocal` rank fusion (Cormack, Clarke and Buettcher, SIGIR 2009) gives a row
    ``1 / (k + rank)``, rank 1 for the best. The count of Borda (1781; Aslam and Montague, SIGIR
    2001) gives it the share of the group's other rows that stand below it. A row without a value
    in a column gets no vote from it, and neither does any row of a group of equals.

    Parameters
    ----------
    columns
        The features that vote; higher is better in each.
    k
        How little the first places count for in `reciprocal`; 60 in the paper.
    kind
        `reciprocal` or `borda`.
    """

    name: ClassVar[str] = "vote"
    by_row: ClassVar[bool] = False
    columns: tuple[str, ...]
    k: float = 60.0
    kind: str = "reciprocal"

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the sum of votes, float64 (n,)."""
        votes = np.zeros(len(table), dtype=np.float64)
        for name in self.columns:
            votes += self._cast(table, name)
        return votes

    def contributions(
        self, table: FeatureTable, rows: NDArray[np.bool_] | None = None
    ) -> Contributions:
        """Return each column's vote for each row; they sum to the score, from 0."""
        rows = chosen(table, rows)
        cast = [self._cast(table, name)[rows] for name in self.columns]
        values = np.array(cast).reshape(len(self.columns), int(rows.sum())).T
        return Contributions(self.columns, values, 0.0, rows)

    def importance(self) -> dict[str, float]:
        """Return the share of the votes that each column has: all alike."""
        return {name: 1 / len(self.columns) for name in self.columns}

    def _cast(self, table: FeatureTable, name: str) -> NDArray[np.float64]:
        """Return the votes of one column, float64 (n,)."""
        values = table.column(name)
        placed = ranks(table, values)
        others = np.maximum(np.repeat(table.sizes, table.sizes) - 1, 1)
        borda = self.kind == "borda"
        vote = (others - placed) / others if borda else 1.0 / (self.k + 1 + placed)
        return np.where(~np.isnan(values) & _spread(table, values), vote, 0.0)

    def boosted(self) -> tuple[()]:
        """Return nothing: there are no trees."""
        return ()

    def save(self, folder: Path) -> None:
        """Write `vote.json`."""
        options = {"columns": self.columns, "k": self.k, "kind": self.kind}
        (folder / "vote.json").write_bytes(orjson.dumps(options, option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        options = orjson.loads((folder / "vote.json").read_bytes())
        kind = str(options["kind"])
        if kind not in VOTES:
            raise BundleError(f"unknown kind of vote {kind!r}{nearest(kind, VOTES)}; train again")
        return cls(tuple(options["columns"]), float(options["k"]), kind)


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
