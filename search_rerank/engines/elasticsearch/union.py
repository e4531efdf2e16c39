"""The items that word hits and vector hits hold together, and which of their scores are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.engines.elasticsearch.search import Hits

Floats = NDArray[np.float64]


class Union:
    """Word scores, boosts and cosines by item.

    Parameters
    ----------
    by_words
        Hits whose scores are boosted word scores.
    others
        Hits of items that belong to it, too, each with its word score beside it.
    near
        Those of them that the vectors found.
    """

    def __init__(self, by_words: Hits, others: Sequence[Hits], near: Hits) -> None:
        every = (*others, by_words)
        self.ids = list(dict.fromkeys(id_ for hits in reversed(every) for id_ in hits.ids))
        self._row = {id_: row for row, id_ in enumerate(self.ids)}
        self._group: dict[str, str] = {}
        n = len(self.ids)
        self.scores: Floats = np.zeros(n)
        """The boosted word scores, float (n,), 0 where no word matches."""
        self.boosts: Floats = np.ones(n)
        self.cosines: Floats = np.full(n, np.nan)
        """NaN where none is known."""
        for hits in every:
            rows = self._rows(hits)
            self.scores[rows] = hits.scores if hits is by_words else hits.words
            self.boosts[rows] = hits.boost
            if hits.groups:
                self._group |= dict(zip(hits.ids, hits.groups, strict=True))
        self.add_cosines(near)

    def groups(self) -> list[str]:
        """Return of which product each is a variant; of those not asked for, of their own."""
        return [self._group.get(id_, f"i:{id_}") for id_ in self.ids]

    def without_cosine(self) -> list[str]:
        """Return the items whose cosine is not known."""
        return [self.ids[row] for row in np.flatnonzero(np.isnan(self.cosines)).tolist()]

    def add_cosines(self, near: Hits) -> None:
        """Learn cosines from hits whose scores are (1 + cosine) / 2, as the server gives them."""
        for id_, cosine in zip(near.ids, (2.0 * near.scores - 1.0).tolist(), strict=True):
            if (row := self._row.get(id_)) is not None:  # written since the search before
                self.cosines[row] = cosine

    def contenders(
        self, weights: RetrievalConfig, top: float, k: int, keep: Collection[str]
    ) -> None:
        """Leave out what cannot be among the first k, whatever the cosines are that it lacks.

        None of them is above the last one listed.
        """
        if len(self.ids) <= k:
            return
        words = (weights.words_weight / top if top > 0 else 0.0) * self.scores
        unknown, cosine = np.isnan(self.cosines), np.clip(self.cosines, 0.0, None)
        last = 0.0 if unknown.all() else float(np.nanmin(cosine))
        least = words + weights.vector_weight * np.where(unknown, 0.0, cosine)
        most = words + weights.vector_weight * np.where(unknown, last, cosine)
        possible = most >= np.partition(least, -k)[-k] - 1e-6
        possible[[self._row[id_] for id_ in keep]] = True
        self.ids = [self.ids[row] for row in np.flatnonzero(possible).tolist()]
        self._row = {id_: row for row, id_ in enumerate(self.ids)}
        self.scores, self.boosts = self.scores[possible], self.boosts[possible]
        self.cosines = self.cosines[possible]

    def _rows(self, hits: Hits) -> list[int]:
        return [self._row[id_] for id_ in hits.ids]
