"""Fusion by a weighted mean of scaled columns; the weights are learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search_rerank.errors import BundleError, nearest
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.contributions import Contributions, chosen
from search_rerank.fusion.grouped import SCALES


@dataclass(frozen=True)
class Weighted:
    """A weighted mean of columns that are made comparable within the group.

    Parameters
    ----------
    columns
        The features that are summed; higher is better in each.
    weights
        One a column, not negative, summing to 1.
    scaling
        `min_max` to 0..1, `z_score`, or `rank` (see `search_rerank.fusion.grouped`).
    """

    name: ClassVar[str] = "weighted"
    by_row: ClassVar[bool] = False
    columns: tuple[str, ...]
    weights: tuple[float, ...]
    scaling: str = "min_max"

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the weighted mean, float64 (n,)."""
        total = np.zeros(len(table), dtype=np.float64)
        for name, weight in self._counting():
            total += self._part(table, name, weight)
        return total

    def contributions(
        self, table: FeatureTable, rows: NDArray[np.bool_] | None = None
    ) -> Contributions:
        """Return each column's part of each row's mean; they sum to the score, from 0.

        A column without a weight has no part and no name.
        """
        rows = chosen(table, rows)
        counting = self._counting()
        parts = [self._part(table, name, weight)[rows] for name, weight in counting]
        values = np.array(parts, dtype=np.float64).reshape(len(counting), int(rows.sum())).T
        return Contributions(tuple(name for name, _ in counting), values, 0.0, rows)

    def importance(self) -> dict[str, float]:
        """Return the columns' weights, largest first."""
        return dict(sorted(self._counting(), key=lambda pair: -pair[1]))

    def _counting(self) -> list[tuple[str, float]]:
        pairs = zip(self.columns, self.weights, strict=True)
        return [(name, weight) for name, weight in pairs if weight > 0]

    def _part(self, table: FeatureTable, name: str, weight: float) -> NDArray[np.float32]:
        """Return one column's part of the mean, float32 (n,)."""
        part: NDArray[np.float32] = weight * SCALES[self.scaling](table, table.column(name))
        return part

    @classmethod
    def fit(
        cls,
        table: FeatureTable,
        gains: NDArray[np.float32],
        columns: Sequence[str],
        scaling: str = "min_max",
        *,
        weights: NDArray[np.float32] | None = None,
    ) -> Self:
        """Learn the columns' weights on a table with its gains, float32 (n,).

        Maximises the likelihood that the relevant rows are drawn from their group under a softmax
        of the weighted sum (ListNet's top-one loss: Cao et al., ICML 2007), over weights >= 0.
        The problem is convex, so the start does not matter and there is no seed.

        Parameters
        ----------
        weights
            float32 (n,), how much each relevant row counts: inverse propensities.
        """
        from scipy.optimize import minimize

        sizes = table.sizes[table.sizes > 0]
        mass = np.add.reduceat(gains.astype(np.float64), table.offsets[:-1][table.sizes > 0])
        judged = np.repeat(mass > 0, sizes)  # other groups have no gradient
        S = np.empty((int(judged.sum()), len(columns)), dtype=np.float32)
        for place, name in enumerate(columns):
            S[:, place] = SCALES[scaling](table, table.column(name))[judged]
        filled, groups = sizes[mass > 0], max(int((mass > 0).sum()), 1)
        starts = np.cumsum(filled) - filled
        target = (gains[judged] / np.repeat(mass[mass > 0], filled)).astype(np.float32)
        if weights is not None:
            target *= weights[judged]
        total = np.repeat(np.add.reduceat(target, starts), filled)  # 1 in a group, unweighted
        taken = np.flatnonzero(target)

        def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            z = S @ w.astype(np.float32)
            z -= np.repeat(np.maximum.reduceat(z, starts), filled)
            e = np.exp(z)
            share = e / np.repeat(np.add.reduceat(e, starts), filled)
            likely = np.log(np.maximum(share[taken], 1e-30))
            value = -float(target[taken] @ likely.astype(np.float64)) / groups
            slope = S.T @ (total * share - target) / groups
            return value, slope.astype(np.float64)

        start = np.ones(len(columns))
        fitted = minimize(
            loss, start, jac=True, method="L-BFGS-B", bounds=[(0, 50)] * len(columns)
        ).x
        learnt = fitted if fitted.sum() > 0 else start
        shares = tuple(round(float(w), 6) for w in learnt / learnt.sum())
        return cls(tuple(columns), shares, scaling)

    def boosted(self) -> tuple[()]:
        """Return nothing: there are no trees."""
        return ()

    def save(self, folder: Path) -> None:
        """Write `weighted.json`."""
        options = {"columns": self.columns, "weights": self.weights, "scaling": self.scaling}
        (folder / "weighted.json").write_bytes(orjson.dumps(options, option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        options = orjson.loads((folder / "weighted.json").read_bytes())
        scaling = str(options["scaling"])
        if scaling not in SCALES:
            raise BundleError(f"unknown scaling {scaling!r}{nearest(scaling, SCALES)}; train again")
        weights = tuple(float(w) for w in options["weights"])
        return cls(tuple(options["columns"]), weights, scaling)
