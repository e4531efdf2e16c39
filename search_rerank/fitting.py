"""Every fusion learnt from replayed rows, and the one that serves chosen on the newest of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.config import TrainingConfig
from search_rerank.config.training import StageConfig
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.cascade import BEFORE, Cascade, Learn, Plan, known, trees
from search_rerank.fusion.grouped import SCALES
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.selection import Held, Selection, trials
from search_rerank.fusion.vote import VOTES, Vote, voters
from search_rerank.fusion.weighted import Weighted
from search_rerank.replay import Replayed

_LEAST = 10
"""Queries below which nothing is held out: the choice would be luck."""
_UNCHOSEN = {"vote": "reciprocal", "scaling": "min_max", "ranker": "cascade"}
"""What `auto` is where there is nothing to choose on."""

_SET = "as set"
_FEW = "too few queries to choose on"
_BIASED = "held-out clicks have the bias of places that its trees are free of"
"""Why something serves that is not the best on held-out queries."""


class Fitted(dict[str, Fusion]):
    """Name to fusion, and which of them serves.

    Parameters
    ----------
    fusions
        All that were learnt.
    selection
        The choice and what it rests on.
    """

    def __init__(self, fusions: dict[str, Fusion], selection: Selection) -> None:
        super().__init__(fusions)
        self.selection = selection


@dataclass(frozen=True)
class _Rows:
    """What fusions learn from: replayed groups, how much each row counts, where it was shown."""

    table: FeatureTable
    gains: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    positions: NDArray[np.int32] | None

    def groups(self, start: int, stop: int) -> Self:
        """Return the groups [start, stop) as views."""
        part = slice(int(self.table.offsets[start]), int(self.table.offsets[stop]))
        return type(self)(
            self.table.groups(start, stop),
            self.gains[part],
            None if self.weights is None else self.weights[part],
            None if self.positions is None else self.positions[part],
        )


def fit_fusions(
    rows: Replayed,
    config: TrainingConfig,
    *,
    weights: NDArray[np.float32] | None = None,
    positions: NDArray[np.int32] | None = None,
) -> Fitted:
    """Fit every fusion on replayed rows.

    What the settings leave to `auto` is chosen by the nDCG@10 of the newest queries (share
    `selection`), of fusions that learnt from the older ones only; then all learn from all queries.
    With positions the trees are not tried: clicks on the held-out queries would speak for whatever
    repeats the bias of places. The cascade serves then, unless the settings say otherwise.

    Parameters
    ----------
    weights, positions
        float32 (n,) and int32 (n,), see `LambdaMart.fit`.

    Raises
    ------
    DataError
        When fewer than two queries teach anything.
    """
    whole = _Rows(rows.table, rows.gains, weights, positions)
    vote, scaling, selection = _choose(rows, whole, config)
    return Fitted(_fit_all(whole, config, vote, scaling), selection)


def tree_options(config: TrainingConfig) -> TreeOptions:
    """Return the settings of the trees as `LambdaMart.fit` takes them."""
    return TreeOptions(
        trees=config.trees,
        leaves=config.leaves,
        learning_rate=config.learning_rate,
        min_rows=config.min_rows,
        validation=config.validation,
        patience=config.patience,
        seed=config.seed,
        threads=config.threads,
        objective=config.objective,
        truncation=config.truncation,
        features=config.column_share,
        rows=config.row_share,
        reg=config.reg,
        position_reg=config.position_reg,
        rising=config.rising,
        falling=config.falling,
        categorical=config.categorical,
    )


def _choose(rows: Replayed, whole: _Rows, config: TrainingConfig) -> tuple[str, str, Selection]:
    """Return the kind of vote, the scaling, and what serves."""
    groups = len(whole.table.sizes)
    held_out = max(1, round(config.selection * groups))
    settled = "auto" not in (config.vote, config.scaling, config.ranker)
    cut = groups - held_out
    if settled or groups < _LEAST or _teach(whole.groups(0, cut)) < 2:
        vote, scaling, ranker = (
            _UNCHOSEN[name] if getattr(config, name) == "auto" else getattr(config, name)
            for name in _UNCHOSEN
        )
        few = config.ranker == "auto"
        return vote, scaling, Selection(ranker, reason=_FEW if few else _SET)
    older, newer = whole.groups(0, cut), whole.groups(cut, groups)
    held = Held(newer.table, newer.gains, rows.missed[cut:], rows.shoppers[cut:], _per_group(newer))
    columns = voters(whole.table.names)
    scores: dict[tuple[str, str], NDArray[np.floating]] = {}
    for kind in VOTES if config.vote == "auto" else (config.vote,):
        scores["vote", kind] = Vote(columns, config.vote_k, kind).fuse(newer.table)
    for scaling in SCALES if config.scaling == "auto" else (config.scaling,):
        scores["weighted", scaling] = _weighted(older, scaling).fuse(newer.table)
    found = trials(held, scores, config.seed)
    vote = next(trial.options for trial in found if trial.fusion == "vote")
    scaling = next(trial.options for trial in found if trial.fusion == "weighted")
    if config.ranker != "auto":
        return vote, scaling, Selection(config.ranker, held_out, found, _SET)
    if whole.positions is not None:
        return vote, scaling, Selection(_UNCHOSEN["ranker"], held_out, found, _BIASED)
    fitted = _fit_all(older, config, vote, scaling)
    for name in ("lambdamart", "cascade"):
        scores[name, ""] = fitted[name].fuse(newer.table)
    found = trials(held, scores, config.seed)
    return vote, scaling, Selection(found[0].fusion, held_out, found)


def _fit_all(rows: _Rows, config: TrainingConfig, vote: str, scaling: str) -> dict[str, Fusion]:
    columns = voters(rows.table.names)
    options = tree_options(config)
    ready: dict[str, Fusion] = {
        "vote": Vote(columns, config.vote_k, vote),
        "weighted": _weighted(rows, scaling),
    }
    ready["lambdamart"] = LambdaMart.fit(
        rows.table, rows.gains, options, weights=rows.weights, positions=rows.positions
    )
    first, *others = config.stages
    plans = [Plan(known(ready[first.fusion]), share=first.share)]
    plans += [_plan(stage, config, vote, scaling) for stage in others]
    ready["cascade"] = Cascade.grow(
        rows.table, rows.gains, plans, weights=rows.weights, positions=rows.positions
    )
    return ready


def _plan(stage: StageConfig, config: TrainingConfig, vote: str, scaling: str) -> Plan:
    learn: Learn
    if stage.fusion == "lambdamart":
        learn = trees(tree_options(config))
    elif stage.fusion == "vote":

        def learn(table: FeatureTable, *_: object) -> Fusion:
            return Vote(_opinions(table, stage), config.vote_k, vote)

    else:

        def learn(
            table: FeatureTable,
            gains: NDArray[np.float32],
            weights: NDArray[np.float32] | None,
            positions: NDArray[np.int32] | None,
        ) -> Fusion:
            columns = _opinions(table, stage)
            return Weighted.fit(table, gains, columns, scaling, weights=weights)

    return Plan(learn, stage.size, stage.share, stage.late)


def _opinions(table: FeatureTable, stage: StageConfig) -> tuple[str, ...]:
    """Return what a later stage weighs: the order before it, and what is new to it."""
    return (BEFORE, *(stage.late or voters(table.names)))


def _weighted(rows: _Rows, scaling: str) -> Weighted:
    columns = voters(rows.table.names)
    return Weighted.fit(rows.table, rows.gains, columns, scaling, weights=rows.weights)


def _teach(rows: _Rows) -> int:
    """Return how many groups hold both a relevant and an irrelevant row."""
    groups, n = rows.table.group, len(rows.table.sizes)
    relevant = np.bincount(groups, weights=rows.gains > 0, minlength=n)
    return int(((relevant > 0) & (relevant < rows.table.sizes)).sum())


def _per_group(rows: _Rows) -> NDArray[np.float64] | None:
    """Return for each group the mean weight of its gain, 1 for one without, float64 (g,)."""
    if rows.weights is None:
        return None
    groups = rows.table.group
    n = len(rows.table.sizes)
    gain = np.bincount(groups, weights=rows.gains, minlength=n)
    weighed = np.bincount(groups, weights=rows.gains * rows.weights, minlength=n)
    return np.where(gain > 0, weighed / np.where(gain > 0, gain, 1.0), 1.0)
