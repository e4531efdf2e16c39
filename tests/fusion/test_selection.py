"""The choice among fusions: what is measured, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.evaluation.grouped import Grouped
from search_rerank.evaluation.measures import parse_measure
from search_rerank.fusion.selection import Held, Selection, trials
from tests.fusion.test_fusion import world

MADE, GAINS = world(60)
HELD = Held(MADE, GAINS, [[]] * 60, [str(n) for n in range(60)])
GOOD, NOISE = MADE.column("good"), MADE.column("noise")


def test_the_best_comes_first_and_is_as_good_as_itself() -> None:
    found = trials(HELD, {("vote", "borda"): NOISE, ("weighted", "rank"): GOOD}, seed=0)
    assert [(one.fusion, one.options) for one in found] == [
        ("weighted", "rank"),
        ("vote", "borda"),
    ]
    assert (found[0].value, found[0].minus_best, found[0].p) == (1.0, 0.0, 1.0)
    assert found[1].minus_best == pytest.approx(found[1].value - 1.0, abs=1e-6)
    assert found[1].ci95[0] < found[1].minus_best < found[1].ci95[1] < 0
    assert found[1].p < 0.001


def test_the_value_is_the_mean_ndcg_with_what_was_missed() -> None:
    missed = [[3.0] if n % 2 else [] for n in range(60)]
    held = Held(MADE, GAINS, missed, HELD.shoppers)
    ranked = Grouped.ranked(GAINS, NOISE, MADE.engine_rank, MADE.offsets, missed)
    expected = parse_measure("nDCG@10").values(ranked).mean()
    (only,) = trials(held, {("lambdamart", ""): NOISE}, seed=0)
    assert only.value == pytest.approx(expected, abs=1e-6)
    assert only.value < trials(HELD, {("lambdamart", ""): NOISE}, seed=0)[0].value


def test_groups_count_by_their_weights() -> None:
    """Only the groups that a fusion orders well count: it is perfect."""
    values = HELD.values(NOISE)
    weights = (values == 1).astype(np.float64)
    held = Held(MADE, GAINS, HELD.missed, HELD.shoppers, weights)
    assert held.values(NOISE).mean() == pytest.approx(1.0)


def test_of_equals_the_simplest_serves() -> None:
    found = trials(HELD, {(name, ""): GOOD for name in ("cascade", "lambdamart", "vote")}, 0)
    assert [one.fusion for one in found] == ["vote", "lambdamart", "cascade"]


def test_a_selection_is_written_read_and_told() -> None:
    found = trials(HELD, {("vote", "borda"): NOISE, ("cascade", ""): GOOD}, seed=0)
    selection = Selection("cascade", 60, found)
    assert Selection.from_json(selection.as_json()) == selection
    lines = selection.lines()
    assert len(lines) == 3 and "nDCG@10 1.0000" in lines[0]
    assert lines[-1] == "cascade serves: the best on 60 held-out queries"
    assert Selection("vote", 60, found, "as set").lines()[-1] == "vote serves: as set"
    assert Selection("vote", reason="luck").lines() == ["vote serves: luck"]
