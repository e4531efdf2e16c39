"""Fusion in stages: a cheap one orders all candidates, trees reorder the first of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.weighted import Weighted

_FIRST = "cascade.first_stage"
_FIRST_RANK = "cascade.first_stage_rank"


@dataclass(frozen=True)
class Cascade:
    """A weighted sum picks the first rows of each group, LambdaMART orders them.

    The trees see the first stage's score and place as two more columns. Rows that the first stage
    left behind follow in its order.

    Parameters
    ----------
    first
        The first stage.
    last
        The trees of the last stage.
    size
        How many rows of a group reach the last stage.
    """

    name: ClassVar[str] = "cascade"
    first: Weighted
    last: LambdaMart
    size: int

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return float64 (n,): between 1 and 2 for rows of the last stage, else between 0 and 1."""
        wide, kept = _staged(table, self.first, self.size)
        fused = wide.column(_FIRST).astype(np.float64)
        trees = self.last.fuse(wide.rows(kept))
        fused[kept] = 1.0 + 1.0 / (1.0 + np.exp(-np.clip(trees, -30, 30)))
        return fused

    @classmethod
    def fit(
        cls,
        table: FeatureTable,
        gains: NDArray[np.float32],
        first: Weighted,
        size: int,
        options: TreeOptions,
        *,
        weights: NDArray[np.float32] | None = None,
        positions: NDArray[np.int32] | None = None,
    ) -> Self:
        """Train the last stage on what the first lets through; as in `LambdaMart.fit`."""
        wide, kept = _staged(table, first, size)
        last = LambdaMart.fit(
            wide.rows(kept),
            gains[kept],
            options,
            weights=None if weights is None else weights[kept],
            positions=None if positions is None else positions[kept],
        )
        return cls(first, last, size)

    def save(self, folder: Path) -> None:
        """Write both stages and `cascade.json`."""
        self.first.save(folder)
        self.last.save(folder)
        (folder / "cascade.json").write_bytes(orjson.dumps({"size": self.size}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        size = int(orjson.loads((folder / "cascade.json").read_bytes())["size"])
        return cls(Weighted.load(folder), LambdaMart.load(folder), size)


def _staged(
    table: FeatureTable, first: Weighted, size: int
) -> tuple[FeatureTable, NDArray[np.bool_]]:
    """Return the table with the first stage's columns, and which rows go on."""
    scores = first.fuse(table)
    placed = ranks(table, scores)
    wide = table.with_columns({_FIRST: scores, _FIRST_RANK: placed.astype(np.float32)})
    return wide, placed < size
