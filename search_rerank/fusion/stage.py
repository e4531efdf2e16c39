"""One stage of a cascade, and how it keeps to its time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from search_rerank.errors import ConfigError
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.base import Fusion
from search_rerank.fusion.contributions import Contributions

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Returns seconds."""

_BLOCK = 32
_LATE_BLOCK = 2
"""Rows of a group between two looks at the clock, without late columns and with them."""
_ROW_S = 0.001
"""A row takes a fusion without late columns a hundredth of this: one call for all is quicker."""


@dataclass(frozen=True)
class Stage:
    """A fusion and the rows it is for.

    Parameters
    ----------
    fusion
        What orders them.
    size
        How many rows of a group reach the stage, None for all.
    share
        Its share of the time of the whole cascade, 0 to 1.
    late
        Columns that are computed for just these rows.
    """

    fusion: Fusion
    size: int | None = None
    share: float = 0.0
    late: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """What one stage did to the rows of a table.

    Parameters
    ----------
    level
        Which stage it was, 0 first.
    stage
        The stage.
    rows
        int64 (r,), the rows that it came to.
    seen
        Those rows as it saw them, but for its late columns.
    scores
        float64 (r,), what it gave them.
    """

    level: int
    stage: Stage
    rows: NDArray[np.intp]
    seen: FeatureTable
    scores: NDArray[np.float64]

    @classmethod
    def of_all(cls, fusion: Fusion, table: FeatureTable, scores: NDArray[np.float64]) -> Self:
        """Return the step of a fusion that ordered a whole table."""
        return cls(0, Stage(fusion), np.arange(len(table)), table, scores)

    def contributions(self, rows: NDArray[np.bool_]) -> Contributions:
        """Explain the scores of those of the step's rows under a mask, bool (r,)."""
        return self.stage.fusion.contributions(with_late(self.seen, self.stage.late), rows)


def with_late(table: FeatureTable, names: Sequence[str]) -> FeatureTable:
    """Return a table with late columns computed for all its rows."""
    rows = np.arange(len(table))
    return table.with_columns(late_values(table, names, rows)) if names else table


def late_values(
    table: FeatureTable, names: Sequence[str], rows: NDArray[np.intp]
) -> dict[str, NDArray[np.float32]]:
    """Return late columns of some rows of a table.

    Raises
    ------
    ConfigError
        Where the table has no such column.
    """
    missing = [name for name in names if name not in table.late]
    if missing:
        raise ConfigError(
            f"expected late columns {', '.join(missing)}, found {', '.join(table.late) or 'none'}: "
            "name the model in training.cross_encoder, or train without that stage"
        )
    return {name: table.late[name](rows) for name in names}


def timed(
    stage: Stage,
    table: FeatureTable,
    places: NDArray[np.int64],
    until_s: float,
    clock: Clock,
) -> tuple[NDArray[np.bool_], NDArray[np.float64], str | None]:
    """Return the rows that a stage came to by a moment, their scores, and what went wrong.

    Parameters
    ----------
    table, places
        The rows that reach the stage, and their places (n,) in the order that reached it.
    until_s
        When to stop, by the clock.
    """
    try:
        done, scores = _in_blocks(stage, table, places, until_s, clock)
    except Exception as error:  # a stage must never cost the order that reached it
        log.exception("stage %s failed; the order before it is kept", stage.fusion.name)
        return np.zeros(len(table), dtype=bool), np.zeros(0), type(error).__name__
    why = None if done.all() else "late"
    return done, scores, why


def _in_blocks(
    stage: Stage,
    table: FeatureTable,
    places: NDArray[np.int64],
    until_s: float,
    clock: Clock,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    n = len(table)
    done = np.zeros(n, dtype=bool)
    scores = np.zeros(n)
    late = {name: np.full(n, np.nan, dtype=np.float32) for name in stage.late}
    start, end = 0, int(places.max(initial=-1)) + 1
    whole = until_s == np.inf or not (stage.late or stage.fusion.by_row)
    while start < end and (left_s := until_s - clock()) > 0:
        block = end if whole else _rows_at_once(stage, left_s)
        rows = (places >= start) & (places < start + block)
        start += block
        for name, values in late_values(table, stage.late, np.flatnonzero(rows)).items():
            late[name][rows] = values
        if stage.fusion.by_row:
            own = {name: values[rows] for name, values in late.items()}
            scores[rows] = stage.fusion.fuse(table.rows(rows).with_columns(own))
        done |= rows
    if not stage.fusion.by_row and done.any():
        own = {name: values[done] for name, values in late.items()}
        scores[done] = stage.fusion.fuse(table.rows(done).with_columns(own))
    return done, scores[done]


def _rows_at_once(stage: Stage, left_s: float) -> int:
    """Return how many rows go without a look at the clock: all that end in half of the time."""
    return _LATE_BLOCK if stage.late else max(_BLOCK, int(left_s / 2 / _ROW_S))
