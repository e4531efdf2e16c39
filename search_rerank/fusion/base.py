"""What a fusion must do: several columns become one order."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable


class Fusion(Protocol):
    """Gives every row of a feature table one number; higher is better within its group."""

    name: ClassVar[str]
    by_row: ClassVar[bool]
    """Whether the score of a row depends on no other row of its group."""

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return float64 (n,); rows that tie are ordered by their engine rank."""

    def save(self, folder: Path) -> None:
        """Write JSON, text and arrays; never anything that can run code."""
