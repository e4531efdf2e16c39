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
