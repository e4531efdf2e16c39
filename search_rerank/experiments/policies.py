"""Rankers that draw their lists, and the chance of each item at each place.

A log tells most of other rankers where its own was random in a known way. Scores are float64
(q, n), a row for each query, higher is better, -inf where a query has fewer items; they stand last.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import DataError

_NODES = 64
"""Points of the quadrature: chances are right to 1e-6 while scores differ by 8 temperatures."""
_CELLS = 80_000


class Policy(Protocol):
    """Draws orders of q queries' items, with known chances."""

    def draw(self, rng: np.random.Generator, query: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the place of each item in a list drawn for each query of (r,): int64 (r, n)."""

    def chances(self) -> NDArray[np.float64]:
        """Return the chance of each item at each place, float64 (q, n items, n places)."""


class PlackettLuce:
    """The next item is drawn with chances as ``exp(score / temperature)`` of those that are left.

    Luce (1959), Plackett (1975). The higher the temperature, the more random.

    Parameters
    ----------
    scores
        float64 (q, n).
    temperature
        Above 0, in the scores' own unit.

    Raises
    ------
    DataError
        Where the temperature is not above 0.
    """

    def __init__(self, scores: NDArray[np.float64], temperature: float) -> None:
        if not temperature > 0:
            raise DataError(f"expected a temperature above 0, found {temperature}")
        self._log_weight = scores / temperature

    def draw(self, rng: np.random.Generator, query: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return places, int64 (r, n), by the Gumbel trick."""
        log_weight = self._log_weight[query]
        return places(log_weight + rng.gumbel(size=log_weight.shape))

    def chances(self) -> NDArray[np.float64]:
        """Return the chance of each item at each place, float64 (q, n, n), by quadrature.

        Items come at exponential times of their weights (Yellott 1977). Given that item i comes at
        t, each other j has come before with chance ``1 - exp(-weight_j t)``, so its place has a
        Poisson binomial distribution; u = exp(-weight_i t) is uniform and is integrated over.
        """
        q, n = self._log_weight.shape
        nodes, mass = np.polynomial.legendre.leggauss(_NODES)
        log_u, mass = np.log((nodes + 1) / 2), mass / 2
        found = np.empty((q, n, n))
        step = max(_CELLS // (n * n * _NODES), 1)
        for start in range(0, q, step):
            part = self._log_weight[start : start + step]
            found[start : start + step] = _chances(part, log_u, mass)
        return found


class Shuffled:
    """The order of the scores, but for a share of the lists, which are drawn uniformly.

    Parameters
    ----------
    scores
        float64 (q, n).
    share
        Chance that a list is drawn uniformly; 0 is no chance at all: the order of the scores.

    Raises
    ------
    DataError
        Where the share is not one.
    """

    def __init__(self, scores: NDArray[np.float64], share: float = 0.0) -> None:
        if not 0 <= share <= 1:
            raise DataError(f"expected a share from 0 to 1, found {share}")
        self._scores = scores
        self._share = share

    def draw(self, rng: np.random.Generator, query: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return places, int64 (r, n)."""
        scores = self._scores[query]
        uniform = np.where(np.isfinite(scores), rng.random(scores.shape), -np.inf)
        random = rng.random(len(query)) < self._share
        return places(np.where(random[:, None], uniform, scores))

    def chances(self) -> NDArray[np.float64]:
        """Return the chance of each item at each place, float64 (q, n, n), exactly."""
        n = self._scores.shape[1]
        there = np.isfinite(self._scores)
        fixed = np.eye(n)[places(self._scores)]
        held = there.sum(axis=1)
        spread = there[:, :, None] & (np.arange(n) < held[:, None])[:, None, :]
        uniform = np.where(spread, 1 / np.maximum(held, 1)[:, None, None], 0.0)
        uniform = np.where(there[:, :, None], uniform, fixed)  # the absent stay last
        return np.asarray((1 - self._share) * fixed + self._share * uniform)


def places(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return the place of each item in the order of scores (r, n), best 0; ties by column."""
    order = np.argsort(-scores, axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return place.astype(np.int64)


def looks(chances: NDArray[np.float64], examination: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how often each item is looked at, float64 (q, n): its places' examination, expected.

    Parameters
    ----------
    chances
        float64 (q, n, n).
    examination
        float64 (places,); 0 past its end.
    """
    n = chances.shape[2]
    seen = np.zeros(n)
    seen[: min(n, len(examination))] = examination[:n]
    return np.asarray(chances @ seen)


def _chances(
    log_weight: NDArray[np.float64], log_u: NDArray[np.float64], mass: NDArray[np.float64]
) -> NDArray[np.float64]:
    q, n = log_weight.shape
    absent = ~np.isfinite(log_weight)
    own = np.where(absent, 0.0, log_weight)
    # An absent item comes never: its weight over any other's is 0.
    ratio = np.where(absent[:, None, :], 0.0, np.exp(own[:, None, :] - own[:, :, None]))
    placed = np.zeros((q, n, len(log_u), n))  # query, item i, u, how many came before i
    placed[..., 0] = 1.0
    for j in range(n):
        before = -np.expm1(ratio[:, :, j, None] * log_u)  # (q, i, u)
        before[:, j] = 0.0
        moved = placed[..., : j + 1] * before[..., None]
        placed[..., : j + 1] -= moved
        placed[..., 1 : j + 2] += moved[..., : n - 1]
    found = np.einsum("qiuk,u->qik", placed, mass)
    last = np.eye(n)[places(log_weight)]  # the absent stay last, each at its own place
    return np.asarray(np.where(absent[:, :, None], last, found))
