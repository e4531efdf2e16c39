"""The items that word hits and vector hits hold together, and which of their scores are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import RetrievalConfig
from search_rerank.engines.elasticsearch.search import Hits, State

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
        self.ids = list(dict.fromkeys(chain.from_iterable(hits.ids for hits in reversed(every))))
        self._row = {id_: row for row, id_ in enumerate(self.ids)}
        self._group: dict[str, str] = {}
        self.states: dict[str, State] = {}
        """Of the documents that were found, by item id."""
        n = len(self.ids)
        self.scores: Floats = np.zeros(n)
        """The boosted word scores, float (n,), 0 where no word matches."""
        self.boosts: Floats = np.ones(n)
        self.cosines: Floats = np.full(n, np.nan)
        """NaN where none is known, or an item has none."""
        self._told = np.zeros(n, dtype=np.bool_)
        for hits in every:
            rows = self._rows(hits)
            self.scores[rows] = hits.scores if hits is by_words else hits.words
            self.boosts[rows] = hits.boost
            self.states |= hits.states
            if hits.groups:
                self._group |= dict(zip(hits.ids, hits.groups, strict=True))
        self.add_cosines(near)
        self._farthest = max(2.0 * near.scores.min() - 1.0, 0.0) if near.ids else 0.0

    def groups(self) -> list[str]:
        """Return of which product each is a variant; of those not asked for, of their own."""
        return [self._group.get(id_, f"i:{id_}") for id_ in self.ids]

    def lacking(self) -> list[int]:
        """Return the rows of the items whose cosine nobody told yet."""
        return np.flatnonzero(~self._told).tolist()

    def tell(self, rows: NDArray[np.intp] | list[int], cosines: Floats) -> None:
        """Learn cosines, NaN of items without a vector."""
        self.cosines[rows], self._told[rows] = cosines, True

    def add_cosines(self, near: Hits) -> None:
        """Learn cosines from hits whose scores are (1 + cosine) / 2, as the server gives them."""
        rows = [self._row.get(id_, -1) for id_ in near.ids]
        cosines = 2.0 * near.scores - 1.0
        if -1 in rows:  # written since the search before
            here = np.array(rows) >= 0
            rows, cosines = [row for row in rows if row >= 0], cosines[here]
        self.tell(rows, cosines)

    def contenders(
        self, weights: RetrievalConfig, top: float, k: int, keep: Collection[str]
    ) -> None:
        """Leave out what cannot be among the first k, whatever the cosines are that it lacks.

        None of them is above that of the farthest item that the vectors found.
        """
        if len(self.ids) <= k:
            return
        words = (weights.words_weight / top if top > 0 else 0.0) * self.scores
        unknown = ~self._told
        cosine = np.clip(np.nan_to_num(self.cosines, nan=0.0), 0.0, None)
        least = words + weights.vector_weight * np.where(unknown, 0.0, cosine)
        most = words + weights.vector_weight * np.where(unknown, self._farthest, cosine)
        possible = most >= np.partition(least, -k)[-k] - 1e-6
        possible[[self._row[id_] for id_ in keep]] = True
        self.ids = [self.ids[row] for row in np.flatnonzero(possible).tolist()]
        self._row = {id_: row for row, id_ in enumerate(self.ids)}
        self.scores, self.boosts = self.scores[possible], self.boosts[possible]
        self.cosines, self._told = self.cosines[possible], self._told[possible]

    def _rows(self, hits: Hits) -> list[int]:
        return list(map(self._row.__getitem__, hits.ids))
