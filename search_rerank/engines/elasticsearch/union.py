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
        Those of them whose scores are (1 + cosine) / 2, as the server gives them.
    """

    def __init__(self, by_words: Hits, others: Sequence[Hits], near: Hits) -> None:
        self._words: dict[str, float] = {}
        for hits in others:
            self._words |= dict(zip(hits.ids, hits.words.tolist(), strict=True))
        self._words |= dict(zip(by_words.ids, by_words.scores.tolist(), strict=True))
        self._boost: dict[str, float] = {}
        self._group: dict[str, str] = {}
        for hits in (by_words, *others):
            self._boost |= dict(zip(hits.ids, hits.boost.tolist(), strict=True))
            if hits.groups:
                self._group |= dict(zip(hits.ids, hits.groups, strict=True))
        self._cosine = dict(zip(near.ids, _cosines(near), strict=True))
        self.ids = list(self._boost)

    def scores(self) -> Floats:
        """Return the boosted word scores, float (n,), 0 where no word matches."""
        return np.array([self._words[id_] for id_ in self.ids], dtype=np.float64)

    def boosts(self) -> Floats:
        """Return the boosts, float (n,)."""
        return np.array([self._boost[id_] for id_ in self.ids], dtype=np.float64)

    def cosines(self) -> Floats:
        """Return the cosines, float (n,), NaN where none is known."""
        return np.array([self._cosine.get(id_, np.nan) for id_ in self.ids], dtype=np.float64)

    def groups(self) -> list[str]:
        """Return of which product each is a variant; of those not asked for, of their own."""
        return [self._group.get(id_, f"i:{id_}") for id_ in self.ids]

    def without_cosine(self) -> list[str]:
        """Return the items whose cosine is not known."""
        return [id_ for id_ in self.ids if id_ not in self._cosine]

    def add_cosines(self, more: Hits) -> None:
        """Learn cosines."""
        self._cosine |= dict(zip(more.ids, _cosines(more), strict=True))

    def contenders(
        self, weights: RetrievalConfig, top: float, k: int, keep: Collection[str]
    ) -> Union:
        """Leave out what cannot be among the first k, whatever the cosines are that it lacks.

        None of them is above the last one listed.
        """
        if len(self.ids) <= k:
            return self
        words = (weights.words_weight / top if top > 0 else 0.0) * self.scores()
        cosine = np.clip(self.cosines(), 0.0, None)
        last = max(min(self._cosine.values(), default=0.0), 0.0)
        least = words + weights.vector_weight * np.nan_to_num(cosine)
        most = words + weights.vector_weight * np.where(np.isnan(cosine), last, cosine)
        bound = np.partition(least, -k)[-k] - 1e-6
        kept = zip(self.ids, (most >= bound).tolist(), strict=True)
        self.ids = [id_ for id_, possible in kept if possible or id_ in keep]
        return self


def _cosines(hits: Hits) -> list[float]:
    found: list[float] = (2.0 * hits.scores - 1.0).tolist()
    return found
