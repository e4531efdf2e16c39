"""What each feature added to the score of a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable


@dataclass(frozen=True)
class Contributions:
    """Parts of scores: Shapley values of trees (TreeSHAP: Lundberg et al., 2020), terms of a sum.

    Parameters
    ----------
    names
        The d features of the model; a cascade's last stage has more than the table.
    values
        float64 (r, d): how much each feature raised or lowered the score of each row explained.
    expected
        The score where nothing is known; with its row of `values` it sums to the model's score.
    rows
        bool (n,), which r rows of the table are explained: those asked for, and of a cascade those
        of them that reached its last stage.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    expected: float
    rows: NDArray[np.bool_]

    @property
    def strength(self) -> dict[str, float]:
        """Mean absolute contribution of each feature, largest first."""
        means = np.abs(self.values).mean(axis=0) if len(self.values) else np.zeros(len(self.names))
        return dict(sorted(zip(self.names, means.tolist(), strict=True), key=lambda p: -p[1]))


def chosen(table: FeatureTable, rows: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return which rows of a table to explain, bool (n,)."""
    return np.ones(len(table), dtype=bool) if rows is None else rows
