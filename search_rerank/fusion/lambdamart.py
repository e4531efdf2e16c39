"""Fusion by gradient-boosted trees trained on the order itself."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import BundleError, ConfigError, DataError
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.compiled import NotCompiled, Scores, compiled
from search_rerank.fusion.contributions import Contributions, chosen
from search_rerank.fusion.trees import TreeOptions, matching, parameters

if TYPE_CHECKING:
    import lightgbm

__all__ = ["LambdaMart", "TreeOptions"]
log = logging.getLogger(__name__)


class LambdaMart:
    """LightGBM's trees for ranking (Burges, 2010; Ke et al., NeurIPS 2017) over named features."""

    name: ClassVar[str] = "lambdamart"
    by_row: ClassVar[bool] = True
    _file = "reranker.txt"

    def __init__(self, booster: lightgbm.Booster) -> None:
        self._booster = booster
        self._machine_code: Scores | None = None
        self.features: tuple[str, ...] = tuple(booster.feature_name())
        self.compiled: bool | None = None
        """Whether machine code scores, None until `compile` was called."""

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return the sum of the trees, float64 (n,); the table must have the model's columns."""
        table.require(self.features)
        if len(table) == 0:
            return np.zeros(0)
        score = self._machine_code or self._by_lightgbm
        return score(table.X)

    def boosted(self) -> tuple[LambdaMart, ...]:
        """Return itself."""
        return (self,)

    def compile(self) -> None:
        """Score by machine code from now on, which gives the same scores to the last bit.

        It takes seconds: to be called once, beside the requests, which LightGBM serves meanwhile.
        It goes on where the trees cannot be compiled, and the log says why.
        """
        try:
            self._machine_code = compiled(self._booster.model_to_string(), self._by_lightgbm)
            self.compiled = True
        except NotCompiled as error:
            self.compiled = False
            log.warning("LightGBM goes on scoring by its trees, they are not compiled: %s", error)

    def _by_lightgbm(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.asarray(self._booster.predict(X, num_threads=1), dtype=np.float64)

    @classmethod
    def fit(
        cls,
        table: FeatureTable,
        gains: NDArray[np.float32],
        options: TreeOptions,
        *,
        weights: NDArray[np.float32] | None = None,
        positions: NDArray[np.int32] | None = None,
    ) -> Self:
        """Learn from groups in time order with gains float32 (n,).

        Groups without a relevant row, or with nothing else, teach nothing and are left out.

        Parameters
        ----------
        weights
            float32 (n,), how much each row's gradient counts: inverse propensities. When to stop is
            then decided by the mean nDCG@10 weighted by each group's relevant rows.
        positions
            int32 (n,), the place at which each row was shown, -1 where it was not or nobody knows.
            LightGBM estimates a bias for each place beside the trees and ranks without it; unknown
            places are one more class with a bias of its own. No group is held out then and all
            `options.trees` are grown: held-out clicks have the very bias that the trees are to be
            free of, and would stop them before the places are told from the rows.

        Raises
        ------
        DataError
            When fewer than two groups are left.
        ConfigError
            On options that do not fit each other or the table; see `trees.parameters`.
        """
        import lightgbm

        if positions is not None and options.objective != "lambdarank":
            raise ConfigError(
                "expected the objective lambdarank to learn from positions, found "
                f"{options.objective}, which has no biases of places: weigh the rows instead"
            )

        keep = _teaching(table, gains)
        table, gains = _without_empty(table.rows(keep)), gains[keep]
        weights = None if weights is None else weights[keep]
        positions = None if positions is None else positions[keep]
        groups = len(table.offsets) - 1
        if groups < 2:
            raise DataError(
                f"expected at least 2 queries with a relevant and an irrelevant candidate to train "
                f"on, found {groups}: give a longer log or a wider training window"
            )
        whole = positions is not None or options.validation == 0
        held = 0 if whole else min(max(1, round(options.validation * groups)), groups - 1)
        cut = int(table.offsets[groups - held])
        labels, label_gain = _labels(gains)
        train = lightgbm.Dataset(
            table.X[:cut],
            labels[:cut],
            group=table.sizes[: groups - held],
            weight=None if weights is None else weights[:cut],
            position=positions,
            feature_name=list(table.names),
            categorical_feature=matching(table.names, options.categorical),
        )
        valid = lightgbm.Dataset(
            table.X[cut:],
            labels[cut:],
            group=table.sizes[groups - held :],
            weight=None if weights is None else _of_group(table, gains, weights)[cut:],
            reference=train,
        )
        stop = lightgbm.early_stopping(options.patience, verbose=False)
        booster = lightgbm.train(
            parameters(options, table.names, label_gain),
            train,
            num_boost_round=options.trees,
            valid_sets=[] if whole else [valid],
            callbacks=[] if whole else [stop],
        )
        text = booster.model_to_string(num_iteration=booster.best_iteration)
        return cls(lightgbm.Booster(model_str=text))

    def contributions(
        self, table: FeatureTable, rows: NDArray[np.bool_] | None = None
    ) -> Contributions:
        """Return what each feature added to each row's score; with `expected`, they sum to it."""
        table.require(self.features)
        rows = chosen(table, rows)
        if not rows.any():
            return Contributions(self.features, np.zeros((0, len(self.features))), 0.0, rows)
        found = self._booster.predict(table.X[rows], pred_contrib=True, num_threads=1)
        values = np.asarray(found, dtype=np.float64)
        return Contributions(self.features, values[:, :-1], float(values[0, -1]), rows)

    def importance(self) -> dict[str, float]:
        """Return each feature's total gain in the objective, largest first."""
        gains = self._booster.feature_importance("gain")
        pairs = sorted(zip(self.features, gains.tolist(), strict=True), key=lambda p: -p[1])
        return dict(pairs)

    def save(self, folder: Path) -> None:
        """Write `reranker.txt`, LightGBM's text form."""
        (folder / self._file).write_text(self._booster.model_to_string(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        import lightgbm

        path = folder / cls._file
        try:
            return cls(lightgbm.Booster(model_str=path.read_text(encoding="utf-8")))
        except (OSError, lightgbm.basic.LightGBMError) as error:
            raise BundleError(f"{path}: not a readable LightGBM model ({error})") from None


def _teaching(table: FeatureTable, gains: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the rows of groups that hold both a relevant and an irrelevant row, bool (n,)."""
    sums = np.concatenate([[0], np.cumsum(gains > 0)])
    relevant = np.diff(sums[table.offsets])
    return np.repeat((relevant > 0) & (relevant < table.sizes), table.sizes)


def _without_empty(table: FeatureTable) -> FeatureTable:
    return FeatureTable(table.names, table.X, np.unique(table.offsets), table.engine_rank)


def _of_group(
    table: FeatureTable, gains: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return for each row the mean weight of its group's gain, float32 (n,); no group is empty."""
    starts = table.offsets[:-1]
    means = np.add.reduceat(gains * weights, starts) / np.add.reduceat(gains, starts)
    return np.repeat(means, table.sizes).astype(np.float32)


def _labels(gains: NDArray[np.float32]) -> tuple[NDArray[np.int32], list[float]]:
    """Return LightGBM's integer labels and the gain of each."""
    values = np.unique(np.concatenate([[0.0], gains]))
    return np.searchsorted(values, gains).astype(np.int32), [float(value) for value in values]
