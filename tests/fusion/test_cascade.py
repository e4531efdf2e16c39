"""Stages: who reaches them, how they keep to their time, what they leave when they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.answer import Degraded
from search_rerank.errors import ConfigError
from search_rerank.features.table import FeatureTable
from search_rerank.fusion import load_fusion
from search_rerank.fusion.cascade import BEFORE, Cascade, Plan
from search_rerank.fusion.grouped import ranks
from search_rerank.fusion.stage import Stage
from search_rerank.fusion.weighted import Weighted
from tests.fusion.test_fusion import SMALL, table, world


@dataclass
class Clock:
    """Moves only when a stage works."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Column:
    """Orders by one column, taking a millisecond a row; may fail."""

    name: ClassVar[str] = "lambdamart"
    by_row: ClassVar[bool] = True
    of: str
    clock: Clock = field(default_factory=Clock)
    fails: bool = False

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        if self.fails:
            raise RuntimeError("broken on purpose")
        self.clock.now_s += len(table) / 1000
        return table.column(self.of).astype(np.float64)

    def save(self, folder: Path) -> None:
        raise NotImplementedError


def reversing(n: int = 100) -> FeatureTable:
    """One group whose columns order it one way and the other."""
    up = np.arange(n, dtype=float)
    return table({"down": (-up).tolist(), "up": up.tolist()}, [n])


def order(made: FeatureTable, scores: NDArray[np.float64]) -> list[int]:
    return np.argsort(ranks(made, scores)).tolist()


def cascade(clock: Clock, **last: object) -> Cascade:
    """The first stage takes no time and keeps the order, the last turns the first 64 round."""
    column = Column("up", clock, **last)  # type: ignore[arg-type]
    return Cascade((Stage(Column("down"), None, 0.0), Stage(column, 64, 1.0)))


def test_a_stage_reorders_the_first_rows_only() -> None:
    made = reversing()
    expected = [*range(63, -1, -1), *range(64, 100)]
    assert order(made, cascade(Clock()).fuse(made)) == expected


def test_in_time_it_gives_what_it_gives_without_a_limit() -> None:
    made = reversing()
    clock = Clock()
    scores, short = cascade(clock).fuse_within(made, 1000.0, clock)
    np.testing.assert_array_equal(scores, cascade(Clock()).fuse(made))
    assert short == []


def test_a_late_stage_hands_over_what_it_has() -> None:
    """After the first block of 32 rows its time of 20 ms is up."""
    made = reversing()
    clock = Clock()
    scores, short = cascade(clock).fuse_within(made, 20.0, clock)
    assert order(made, scores) == [*range(31, -1, -1), *range(32, 100)]
    assert short == [Degraded("rank.lambdamart", "late")]


def test_a_stage_without_time_keeps_the_order() -> None:
    made = reversing()
    clock = Clock()
    scores, short = cascade(clock).fuse_within(made, 0.0, clock)
    assert order(made, scores) == list(range(100))
    assert short == [Degraded("rank.lambdamart", "late")]


def test_a_failing_stage_keeps_the_order_and_the_next_goes_on() -> None:
    made = reversing()
    clock = Clock()
    stages = cascade(clock, fails=True).stages
    longer = Cascade((*stages, Stage(Column("up", clock), 3, 0.0)))
    scores, short = longer.fuse_within(made, 1000.0, clock)
    assert order(made, scores) == [2, 1, 0, *range(3, 100)]
    assert short == [Degraded("rank.lambdamart", "RuntimeError")]
    with pytest.raises(RuntimeError, match="on purpose"):
        longer.fuse(made)


def test_what_a_stage_leaves_of_its_time_the_next_has() -> None:
    made = reversing(96)
    clock = Clock()
    last = Stage(Column("down", clock), 64, 0.5)
    three = Cascade((Stage(Column("down"), None, 0.0), Stage(Column("up", clock), 32, 0.5), last))
    _, short = three.fuse_within(made, 70.0, clock)  # 32 ms of 35, then 38 ms: two blocks
    assert short == []
    clock.now_s = 0.0
    _, short = three.fuse_within(made, 60.0, clock)
    assert short == [Degraded("rank.lambdamart", "late")]


def late(asked: list[int]) -> Callable[[NDArray[np.intp]], NDArray[np.float32]]:
    """A column equal to the row's number, which remembers what it was asked for."""

    def values(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        asked.extend(rows.tolist())
        return rows.astype(np.float32)

    return values


def test_late_columns_are_computed_for_the_rows_that_reach_the_stage() -> None:
    asked: list[int] = []
    made = replace(reversing(), late={"dear": late(asked)})
    stage = Stage(Weighted(("dear",), (1.0,)), 10, 1.0, ("dear",))
    two = Cascade((Stage(Column("down"), None, 0.0), stage))
    assert order(made, two.fuse(made)) == [*range(9, -1, -1), *range(10, 100)]
    assert sorted(asked) == list(range(10))


def test_late_columns_stop_when_the_time_is_up() -> None:
    clock = Clock()
    asked: list[int] = []
    known = late(asked)

    def slow(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        clock.now_s += 0.010 * len(rows)
        return known(rows)

    made = replace(reversing(), late={"dear": slow})
    stage = Stage(Weighted(("dear",), (1.0,)), 10, 1.0, ("dear",))
    two = Cascade((Stage(Column("down"), None, 0.0), stage))
    scores, short = two.fuse_within(made, 50.0, clock)  # 2 rows at a time, 20 ms each
    assert order(made, scores)[:7] == [5, 4, 3, 2, 1, 0, 6]
    assert asked == list(range(6))
    assert short == [Degraded("rank.weighted", "late")]


def test_a_late_column_that_nobody_brings_is_named() -> None:
    made = reversing()
    stage = Stage(Weighted(("dear",), (1.0,)), 10, 1.0, ("dear",))
    two = Cascade((Stage(Column("down"), None, 0.0), stage))
    with pytest.raises(ConfigError, match="expected late columns dear, found none"):
        two.fuse(made)
    _, short = two.fuse_within(made, 50.0, Clock())
    assert short == [Degraded("rank.weighted", "ConfigError")]


def test_late_columns_follow_their_rows() -> None:
    made = replace(reversing(6), late={"dear": late([])})
    odd = made.rows(np.arange(6) % 2 == 1)
    assert odd.late["dear"](np.array([0, 2])).tolist() == [1, 5]
    both = FeatureTable.concat([odd, made])
    assert both.late["dear"](np.array([2, 0, 4])).tolist() == [5, 1, 1]
    assert both.groups(1, 2).late["dear"](np.array([1])).tolist() == [1]


def test_each_stage_learns_from_what_reaches_it() -> None:
    made, gains = world(40)
    seen: list[FeatureTable] = []

    def learn(table: FeatureTable, *_: object) -> Column:
        seen.append(table)
        return Column("good")

    plans = (Plan(learn), Plan(learn, 5, 0.5), Plan(learn, 2, 0.25))
    grown = Cascade.grow(made, gains, plans)
    assert [stage.size for stage in grown.stages] == [None, 5, 2]
    assert [len(table) for table in seen] == [40 * 12, 40 * 5, 40 * 2]
    assert BEFORE not in seen[0].names and BEFORE in seen[1].names
    assert (seen[2].column(BEFORE) > 1).all()  # they come from the second stage


def test_three_stages_come_back_as_they_were_saved(tmp_path: Path) -> None:
    made, gains = world(100)
    two = Cascade.fit(made, gains, Weighted(("good", "noise"), (0.5, 0.5)), 8, SMALL)
    last = Stage(Weighted((BEFORE, "noise"), (0.9, 0.1), "rank"), 3, 0.1)
    three = Cascade((*two.stages, last))
    three.save(tmp_path)
    loaded = load_fusion("cascade", tmp_path)
    assert isinstance(loaded, Cascade)
    assert [(s.size, s.share, s.late) for s in loaded.stages] == [
        (s.size, s.share, s.late) for s in three.stages
    ]
    np.testing.assert_array_equal(loaded.fuse(made), three.fuse(made))
