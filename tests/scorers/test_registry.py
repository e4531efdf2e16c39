"""Scorers by name: their options checked, their fits that break down told."""

from dataclasses import replace

import numpy as np
import pytest

from search_rerank.errors import ConfigError
from search_rerank.scorers import SCORERS, create, fit, update
from search_rerank.scorers.news import News
from tests.scorers.contract import ALL
from tests.scorers.worlds import NOW_MS, catalogue, checkerboard


def test_registry_makes_each_by_its_name() -> None:
    assert [create(name).name for name in SCORERS] == list(SCORERS)


def test_unknown_scorer_names_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown scorer 'itemknn' \(did you mean 'item_knn'\?\)"
    ):
        create("itemknn")


def test_shared_defaults_reach_the_scorers_that_have_the_option() -> None:
    shared = {"gains": {"click": 7.0}}
    assert create("popularity", {}, shared).options()["gains"] == {"click": 7.0}
    own = create("popularity", {"gains": {"click": 1.0}}, shared)
    assert own.options()["gains"] == {"click": 1.0}
    assert "gains" not in create("content", {}, shared).options()


def test_strengths_below_zero_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"popularity: gains\.click: expected 0 or more, found -1"
    ):
        create("popularity", {"gains": {"click": -1.0}})


@pytest.mark.parametrize("value", [1e39, -1e39, 10**400, float("nan"), float("inf")])
def test_floats_that_arrays_cannot_hold_are_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=r"als: alpha: expected a number that float32 holds"):
        create("als", {"alpha": value})


@pytest.mark.parametrize(("name", "option"), [("als", "seed"), ("sequence", "negatives")])
def test_whole_numbers_that_libraries_cannot_hold_are_refused(name: str, option: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: {option}: expected a whole number that 32"):
        create(name, {option: 2**31})


def test_a_fit_that_breaks_down_names_its_scorer_and_its_options() -> None:
    breaks = create("als", {"alpha": 1e30})
    said = r"als: its fit failed \(.*NaN.*'alpha': 1e\+30.*change them, or leave the scorer out"
    with pytest.raises(ConfigError, match=said):
        fit(breaks, checkerboard(), catalogue(), now_ms=NOW_MS)
    events = checkerboard()
    new = np.ones(len(events), dtype=bool)
    news = News.of(events, new, catalogue(), since_ms=NOW_MS - 1, now_ms=NOW_MS)
    breaks = replace(breaks, factors=np.zeros((len(ALL), 64), np.float32))
    with pytest.raises(ConfigError, match=r"als: its update failed \("):
        update(breaks, news)
