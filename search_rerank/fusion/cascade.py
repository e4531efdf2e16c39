"""Fusion in stages: cheap ones order many candidates, dear ones reorder the first of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import ClassVar, Self

import numpy as np
import orjson
from numpy.typing import NDArray

from search_rerank.answer import Degraded
from search_rerank.features.table import FeatureTable
from search_rerank.fusion import load_fusion
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.contributions import Contributions, chosen
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.lambdamart import LambdaMart, TreeOptions
from search_rerank.fusion.stage import Clock, Stage, Step, timed, with_late

BEFORE = "cascade.before"
BEFORE_PLACE = "cascade.before_place"
"""What a stage sees of the order that reaches it: the score of the stage before, and the place."""

Learn = Callable[
    [FeatureTable, NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.int32] | None],
    Fusion,
]
"""Table, gains, weights and positions in (see `LambdaMart.fit`), a fusion out."""


@dataclass(frozen=True)
class Plan:
    """A stage that is not learnt yet: see `Stage`."""

    learn: Learn
    size: int | None = None
    share: float = 0.0
    late: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cascade:
    """Each stage reorders the first rows of the order that the stages before it made.

    It sees their score and place as two more columns, and those late columns that it asks for.
    Rows that do not reach a stage follow in the order they had.

    Parameters
    ----------
    stages
        The first sees all rows.
    """

    name: ClassVar[str] = "cascade"
    by_row: ClassVar[bool] = False
    stages: tuple[Stage, ...]

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        """Return float64 (n,): between s - 1 and s for rows whose last stage was the s-th."""
        fused = _band(0, self.stages[0].fusion.fuse(table))
        for level, stage in enumerate(self.stages[1:], start=1):
            kept, reached = _reached(table, fused, stage)
            fused[kept] = _band(level, stage.fusion.fuse(with_late(reached, stage.late)))
        return fused

    def fuse_within(
        self,
        table: FeatureTable,
        budget_ms: float,
        clock: Clock,
        steps: list[Step] | None = None,
    ) -> tuple[NDArray[np.float64], list[Degraded]]:
        """Fuse in a time: a stage that is late hands over what it has, one that fails nothing.

        A stage ends when the shares of the time of all up to it are used up: what one leaves, the
        next has. It works through the rows from the first place on, so that those it has not come
        to are the last of them, and keep their order. Where the first stage fails, so does this.

        Parameters
        ----------
        budget_ms
            Milliseconds for all stages.
        clock
            Seconds, such as `time.perf_counter`.
        steps
            Gets what each stage did, for who explains it.

        Returns
        -------
        tuple
            As of `fuse`, and which stages were late or failed.
        """
        start = clock()
        first = self.stages[0].fusion.fuse(table)
        fused = _band(0, first)
        taken = [Step.of_all(self.stages[0].fusion, table, first)]
        short: list[Degraded] = []
        share = self.stages[0].share
        for level, stage in enumerate(self.stages[1:], start=1):
            share += stage.share
            kept, reached = _reached(table, fused, stage)
            places = reached.column(BEFORE_PLACE).astype(np.int64)
            until_s = start + share * budget_ms / 1000 if np.isfinite(budget_ms) else np.inf
            done, scores, why = timed(stage, reached, places, until_s, clock)
            rows = np.flatnonzero(kept)[done]
            fused[rows] = _band(level, scores)
            taken.append(Step(level, stage, rows, reached.rows(done), scores))
            if why is not None:
                short.append(Degraded(f"rank.{stage.fusion.name}", why))
        if steps is not None:
            steps += taken
        return fused, short

    def contributions(
        self, table: FeatureTable, rows: NDArray[np.bool_] | None = None
    ) -> Contributions:
        """Explain the last stage, for the rows that reach it."""
        level, wanted = len(self.stages) - 1, chosen(table, rows)
        if level == 0:
            return self.stages[0].fusion.contributions(table, wanted)
        stage = self.stages[level]
        kept, reached = _reached(table, Cascade(self.stages[:level]).fuse(table), stage)
        seen = with_late(reached, stage.late)
        return replace(stage.fusion.contributions(seen, wanted[kept]), rows=kept & wanted)

    def importance(self) -> dict[str, float]:
        """Return how much each feature counts in the last stage, largest first."""
        return self.stages[-1].fusion.importance()

    def boosted(self) -> tuple[LambdaMart, ...]:
        """Return the trees of all stages."""
        return tuple(trees for stage in self.stages for trees in stage.fusion.boosted())

    @classmethod
    def grow(
        cls,
        table: FeatureTable,
        gains: NDArray[np.float32],
        plans: Sequence[Plan],
        *,
        weights: NDArray[np.float32] | None = None,
        positions: NDArray[np.int32] | None = None,
    ) -> Self:
        """Learn each stage from the rows that those before it let through."""
        first, *others = plans
        stages = [Stage(first.learn(table, gains, weights, positions), None, first.share)]
        fused = _band(0, stages[0].fusion.fuse(table)) if others else np.zeros(0)
        for level, plan in enumerate(others, start=1):
            kept, reached = _reached(table, fused, plan)
            seen = with_late(reached, plan.late)
            fusion = plan.learn(
                seen,
                gains[kept],
                None if weights is None else weights[kept],
                None if positions is None else positions[kept],
            )
            stages.append(Stage(fusion, plan.size, plan.share, plan.late))
            if level < len(others):
                fused[kept] = _band(level, fusion.fuse(seen))
        return cls(tuple(stages))

    @classmethod
    def fit(
        cls,
        table: FeatureTable,
        gains: NDArray[np.float32],
        first: Fusion,
        size: int,
        options: TreeOptions,
        *,
        weights: NDArray[np.float32] | None = None,
        positions: NDArray[np.int32] | None = None,
    ) -> Self:
        """Learn trees for the first `size` rows of an order; as in `LambdaMart.fit`."""
        plans = (Plan(known(first), None, 0.25), Plan(trees(options), size, 0.75))
        return cls.grow(table, gains, plans, weights=weights, positions=positions)

    def save(self, folder: Path) -> None:
        """Write `cascade.json` and a folder for each stage."""
        rows = []
        for place, stage in enumerate(self.stages):
            own = folder / _own(place, stage.fusion.name)
            own.mkdir()
            stage.fusion.save(own)
            rows.append(
                {
                    "fusion": stage.fusion.name,
                    "size": stage.size,
                    "share": stage.share,
                    "late": stage.late,
                }
            )
        options = {"stages": rows}
        (folder / "cascade.json").write_bytes(orjson.dumps(options, option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        rows = orjson.loads((folder / "cascade.json").read_bytes())["stages"]
        return cls(
            tuple(
                Stage(
                    load_fusion(row["fusion"], folder / _own(place, row["fusion"])),
                    row["size"],
                    float(row["share"]),
                    tuple(row["late"]),
                )
                for place, row in enumerate(rows)
            )
        )


def known(fusion: Fusion) -> Learn:
    """Return what learns nothing: the fusion is there already."""
    return lambda *_: fusion


def trees(options: TreeOptions) -> Learn:
    """Return what learns LambdaMART under some options."""

    def learn(
        table: FeatureTable,
        gains: NDArray[np.float32],
        weights: NDArray[np.float32] | None,
        positions: NDArray[np.int32] | None,
    ) -> Fusion:
        return LambdaMart.fit(table, gains, options, weights=weights, positions=positions)

    return learn


def fuse_within(
    fusion: Fusion,
    table: FeatureTable,
    budget_ms: float | None,
    clock: Clock = perf_counter,
    steps: list[Step] | None = None,
) -> tuple[NDArray[np.float64], list[Degraded]]:
    """Return the scores of any fusion, as well as its time allows, and what was late or failed.

    Parameters
    ----------
    budget_ms
        See `Cascade.fuse_within`; None without a limit. Other fusions know no stages.
    steps
        Gets what each stage did; another fusion is one.
    """
    if isinstance(fusion, Cascade):
        return fusion.fuse_within(table, np.inf if budget_ms is None else budget_ms, clock, steps)
    scores = fusion.fuse(table)
    if steps is not None:
        steps.append(Step.of_all(fusion, table, scores))
    return scores, []


def _own(place: int, name: str) -> str:
    return f"{place + 1}-{name}"


def _band(level: int, scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return scores squeezed between level and level + 1, in their order."""
    exact = np.asarray(scores, dtype=np.float64)
    banded: NDArray[np.float64] = level + 0.5 + 0.5 * exact / (1.0 + np.abs(exact))
    return banded


def _reached(
    table: FeatureTable, fused: NDArray[np.float64], stage: Stage | Plan
) -> tuple[NDArray[np.bool_], FeatureTable]:
    """Return which rows reach a stage, and what it sees of them but for its late columns."""
    placed = ranks(table, fused)
    size = len(table) if stage.size is None else stage.size
    kept = placed < size
    columns: dict[str, NDArray[np.floating]] = {
        BEFORE: fused[kept],
        BEFORE_PLACE: placed[kept].astype(np.float32),
    }
    return kept, table.rows(kept).with_columns(columns)
