"""Named columns for (query, item) pairs, grouped by query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import BundleError


@dataclass(frozen=True)
class FeatureTable:
    """Features of candidates, the rows of one query together.

    Parameters
    ----------
    names
        One name a column.
    X
        float32 (n, d), NaN where a feature has no value.
    offsets
        int64 (g + 1,): group j is ``X[offsets[j]:offsets[j + 1]]``.
    engine_rank
        int32 (n,), 0 for the engine's first candidate of the group.
    """

    names: tuple[str, ...]
    X: NDArray[np.float32]
    offsets: NDArray[np.int64]
    engine_rank: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.X)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each group, int64 (g,)."""
        return np.diff(self.offsets)

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one column, float32 (n,)."""
        return self.X[:, self.names.index(name)]

    @property
    def group(self) -> NDArray[np.int64]:
        """Group of each row, int64 (n,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.sizes)

    def with_column(self, name: str, values: NDArray[np.floating]) -> FeatureTable:
        """Return this table with one more column at its end."""
        X = np.column_stack([self.X, values.astype(np.float32)])
        return FeatureTable((*self.names, name), X, self.offsets, self.engine_rank)

    def rows(self, keep: NDArray[np.bool_]) -> FeatureTable:
        """Return the rows under a boolean mask (n,); a group may become empty."""
        kept = np.concatenate([[0], np.cumsum(keep)])
        return FeatureTable(self.names, self.X[keep], kept[self.offsets], self.engine_rank[keep])

    @classmethod
    def concat(cls, tables: Sequence[FeatureTable]) -> FeatureTable:
        """Return the groups of several tables with the same names, one after another."""
        for table in tables[1:]:
            table.require(tables[0].names)
        sizes = np.concatenate([table.sizes for table in tables])
        return cls(
            names=tables[0].names,
            X=np.concatenate([table.X for table in tables]),
            offsets=np.concatenate([[0], np.cumsum(sizes)]),
            engine_rank=np.concatenate([table.engine_rank for table in tables]),
        )

    def require(self, names: Sequence[str]) -> None:
        """Refuse a table whose columns are not the ones a model was trained on, by name."""
        if tuple(names) == self.names:
            return
        missing = [name for name in names if name not in self.names]
        extra = [name for name in self.names if name not in names]
        raise BundleError(
            "the bundle was trained on another feature set: "
            f"missing here {missing or 'none'}, not known to it {extra or 'none'}"
            + ("" if missing or extra else ", same names in another order")
            + "; train again with this configuration"
        )
