"""What each feature added to the score of a row, for fusions that can say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable


@dataclass(frozen=True)
class Contributions:
    """Shapley values of trees (TreeSHAP: Lundberg et al., 2020).

    Parameters
    ----------
    names
        The d features of the model; a cascade's last stage has more than the table.
    values
        float64 (r, d): how much each feature raised or lowered the score of each row explained.
    expected
        The score where nothing is known; with its row of `values` it sums to the model's score.
    rows
        bool (n,), which r rows of the table are explained: of a cascade, those that reached its
        last stage.
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


@runtime_checkable
class Explains(Protocol):
    """A fusion that can say what its scores are made of."""

    def contributions(self, table: FeatureTable) -> Contributions:
        """Return what each feature added to the score of each row."""

    def importance(self) -> dict[str, float]:
        """Return each feature's total gain in the objective while learning, largest first."""
