"""The best hits of one search, read only as far down as they are needed."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tantivy import Searcher

from search_rerank.engines.embedded.analysis import ROW


class Listing:
    """Hits, best first.

    Parameters
    ----------
    searcher
        Whose hits they are.
    hits
        (score, address) of each.
    total
        How many match, listed or not.
    """

    def __init__(self, searcher: Searcher, hits: list[Any], total: int) -> None:
        self._searcher = searcher
        self._hits = hits
        self.total = total

    def __len__(self) -> int:
        return len(self._hits)

    @property
    def last(self) -> float:
        """The score of the last hit, 0 without any; no match that is not listed has a better."""
        return float(self._hits[-1][0]) if self._hits else 0.0

    def reaching(self, score: float) -> int:
        """Return how many hits have at least some score."""
        return bisect_right(self._hits, -score, key=lambda hit: -hit[0])

    def part(self, start: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the rows and scores of some hits."""
        hits = self._hits[start:end]
        rows = self._searcher.fast_field_values(ROW, [hit[1] for hit in hits])
        scores = np.fromiter((hit[0] for hit in hits), np.float64, len(hits))
        return np.array(rows, dtype=np.int64), scores
