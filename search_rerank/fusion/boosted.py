"""Trees that correct another fusion instead of learning the order from nothing: for few queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search_rerank.features.table import FeatureTable
from search_rerank.fusion import load_fusion
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions


@dataclass(frozen=True)
class Boosted:
    """The score of a fusion, and what trees add to it.

    Boosting starts from any score (Friedman, 2001). Trees that start from 0 must learn from the
    judgements what the first fusion knows already; a hundred queries are too few for that.

    Parameters
    ----------
    first
        Where the trees start; a fusion with few parameters, or none.
    scale
        What its score is multiplied by: how sure it is of itself. A difference of 1 after that is
        a pair that is right with odds of e.
    trees
        Grown from several seeds; their mean is added.
    """

    name: ClassVar[str] = "boosted"
    by_row: ClassVar[bool] = False
    first: Fusion
    scale: float
    trees: tuple[LambdaMart, ...]

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return float64 (n,)."""
        added = sum((trees.fuse(table) for trees in self.trees), np.zeros(len(table)))
        total: NDArray[np.float64] = self.scale * self.first.fuse(table) + added / len(self.trees)
        return total

    @classmethod
    def fit(
        cls,
        table: FeatureTable,
        gains: NDArray[np.float32],
        first: Fusion,
        options: TreeOptions,
        *,
        scale: float = 4.0,
        seeds: Sequence[int] = (0,),
        weights: NDArray[np.float32] | None = None,
    ) -> Self:
        """Grow trees from the score of a fusion; as in `LambdaMart.fit`.

        Parameters
        ----------
        first
            Learnt on the same rows where it has so few parameters that it knows none by heart.
        seeds
            One set of trees each, instead of `options.seed`.
        """
        start = scale * first.fuse(table)
        trees = (
            LambdaMart.fit(table, gains, replace(options, seed=seed), weights=weights, start=start)
            for seed in seeds
        )
        return cls(first, scale, tuple(trees))

    def save(self, folder: Path) -> None:
        """Write `boosted.json` and a folder for the first fusion and for each set of trees."""
        for name, fusion in (("first", self.first), *self._sets()):
            (folder / name).mkdir()
            fusion.save(folder / name)
        options = {"first": self.first.name, "scale": self.scale, "trees": len(self.trees)}
        (folder / "boosted.json").write_bytes(orjson.dumps(options, option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        options = orjson.loads((folder / "boosted.json").read_bytes())
        trees = (LambdaMart.load(folder / _own(place)) for place in range(int(options["trees"])))
        first = load_fusion(options["first"], folder / "first")
        return cls(first, float(options["scale"]), tuple(trees))

    def _sets(self) -> list[tuple[str, Fusion]]:
        return [(_own(place), trees) for place, trees in enumerate(self.trees)]


def _own(place: int) -> str:
    return f"trees-{place + 1}"
