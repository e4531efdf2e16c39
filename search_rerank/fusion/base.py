"""What a fusion must do: several columns become one order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable
from search_rerank.fusion.contributions import Contributions

if TYPE_CHECKING:
    from search_rerank.fusion.lambdamart import LambdaMart


class Fusion(Protocol):
    """Gives every row of a feature table one number; higher is better within its group."""

    name: ClassVar[str]
    by_row: ClassVar[bool]
    """Whether the score of a row depends on no other row of its group."""

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return float64 (n,); rows that tie are ordered by their engine rank."""

    def contributions(
        self, table: FeatureTable, rows: NDArray[np.bool_] | None = None
    ) -> Contributions:
        """Return what each feature added to the score of each row.

        Parameters
        ----------
        table
            Whole groups.
        rows
            bool (n,), the rows to explain; None for all.
        """

    def importance(self) -> dict[str, float]:
        """Return how much each feature counts, largest first: gain in learning, or weight."""

    def boosted(self) -> tuple[LambdaMart, ...]:
        """Return the boosted trees that it scores by, each of which may be compiled."""

    def save(self, folder: Path) -> None:
        """Write JSON, text and arrays; never anything that can run code."""
