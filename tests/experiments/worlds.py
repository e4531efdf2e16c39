"""A world of lists and clicks whose values are known: attraction by item, examination by place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_rerank.experiments.logged import Logged
from search_rerank.experiments.policies import Policy, places

LOOKS = np.array([1.0, 0.6, 0.4, 0.3, 0.2])
"""Examination of five places."""


@dataclass(frozen=True)
class World:
    """q queries of five items; scores are what the log's ranker goes by."""

    scores: NDArray[np.float64]
    attraction: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, queries: int = 8) -> World:
        shape = (queries, len(LOOKS))
        return cls(rng.standard_normal(shape), rng.uniform(0.05, 0.6, shape))

    def value(self, new: NDArray[np.int64]) -> float:
        """Clicks a ranking that places (q, 5) are worth, all queries asked as often."""
        return float((LOOKS[new] * self.attraction).sum(axis=1).mean())

    def best(self) -> NDArray[np.int64]:
        return places(self.attraction)

    def log(
        self, rng: np.random.Generator, policy: Policy, each: int, shopper_rankings: int = 4
    ) -> Shown:
        """Ask each query so many times and draw lists and clicks."""
        query = rng.permutation(np.repeat(np.arange(len(self.scores)), each))
        place = policy.draw(rng, query)
        clicks = rng.random(place.shape) < LOOKS[place] * self.attraction[query]
        r, n = place.shape
        logged = Logged(
            ranking=np.repeat(np.arange(r), n),
            place=place.ravel(),
            click=clicks.ravel().astype(float),
            shopper=np.arange(r) // shopper_rankings,
        )
        return Shown(query, logged)


@dataclass(frozen=True)
class Shown:
    """A log and which query each ranking answered."""

    query: NDArray[np.int64]
    logged: Logged

    def rows(self, table: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return a table (q, 5) by the rows of the log, (n,)."""
        return table[self.query].ravel()
