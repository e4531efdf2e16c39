"""Named columns for (query, item) pairs, grouped by query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import BundleError

LateColumn = Callable[[NDArray[np.intp]], NDArray[np.float32]]
"""Row numbers of a table in, their values out, float32 as many: a column too dear for all rows."""


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
    late
        Columns that are computed for a few rows when they are asked for; none of `names`.
    """

    names: tuple[str, ...]
    X: NDArray[np.float32]
    offsets: NDArray[np.int64]
    engine_rank: NDArray[np.int32]
    late: Mapping[str, LateColumn] = field(default_factory=dict)

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

    def with_columns(self, columns: Mapping[str, NDArray[np.floating]]) -> FeatureTable:
        """Return this table with more columns (n,) at its end, copied once however many."""
        n, d = self.X.shape
        X = np.empty((n, d + len(columns)), dtype=np.float32)
        X[:, :d] = self.X
        for place, values in enumerate(columns.values(), start=d):
            X[:, place] = values
        return replace(self, names=(*self.names, *columns), X=X)

    def rows(self, keep: NDArray[np.bool_]) -> FeatureTable:
        """Return the rows under a boolean mask (n,); a group may become empty."""
        if keep.all():
            return self
        kept = np.concatenate([[0], np.cumsum(keep)])
        return FeatureTable(
            self.names,
            self.X[keep],
            kept[self.offsets],
            self.engine_rank[keep],
            {
                name: partial(_of_rows, late, np.flatnonzero(keep))
                for name, late in self.late.items()
            },
        )

    def groups(self, start: int, stop: int) -> FeatureTable:
        """Return the groups [start, stop) as views of these columns, without a copy."""
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        return FeatureTable(
            self.names,
            self.X[first:last],
            self.offsets[start : stop + 1] - first,
            self.engine_rank[first:last],
            {
                name: partial(_of_rows, late, np.arange(first, last))
                for name, late in self.late.items()
            },
        )

    @classmethod
    def concat(cls, tables: Sequence[FeatureTable]) -> FeatureTable:
        """Return the groups of several tables with the same names, one after another.

        Late columns stay those of each table.
        """
        for table in tables[1:]:
            table.require(tables[0].names)
        if len(tables) == 1:
            return tables[0]
        sizes = np.concatenate([table.sizes for table in tables])
        starts = np.concatenate([[0], np.cumsum([len(table) for table in tables])])
        return cls(
            names=tables[0].names,
            X=np.concatenate([table.X for table in tables]),
            offsets=np.concatenate([[0], np.cumsum(sizes)]),
            engine_rank=np.concatenate([table.engine_rank for table in tables]),
            late={
                name: partial(_of_parts, [table.late[name] for table in tables], starts)
                for name in tables[0].late
            },
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


def _of_rows(late: LateColumn, of: NDArray[np.intp], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return a late column of some rows of a table whose rows are those `of` another."""
    return late(of[rows])


def _of_parts(
    late: Sequence[LateColumn], starts: NDArray[np.int64], rows: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return a late column of rows of several tables, the table n from row `starts[n]` on."""
    found = np.empty(len(rows), dtype=np.float32)
    parts = np.searchsorted(starts, rows, side="right") - 1
    for part in np.unique(parts).tolist():
        found[parts == part] = late[part](rows[parts == part] - starts[part])
    return found
