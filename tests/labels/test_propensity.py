"""Propensities recovered in worlds made by a position-based model, and by arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.config.labels import LabelsConfig
from search_rerank.data.events import Events, first_place
from search_rerank.labels.harvesting import Harvest, all_pairs
from search_rerank.labels.impressions import Counts, Impressions, read_impressions
from search_rerank.labels.pbm import fit_pbm
from search_rerank.labels.propensity import Propensities, choose, estimate, linked_clicks
from tests.labels.worlds import DAY_MS, EXAMINED, events_of, in_pages, position_based

GAINS = {"click": 1.0}
EVER = 10**12
CONFIG = LabelsConfig(evidence=50)


def impressions(events: Events, places: int = 5, period_days: float = 9999.0) -> Impressions:
    return read_impressions(events, GAINS, EVER, period_days, places)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def moving() -> Events:
    return position_based(seed=0, n=30_000, moves=True)


@pytest.fixture(scope="module")
def fixed() -> Events:
    return position_based(seed=1, n=30_000, moves=False, queries=80, items_in_all=30)


@pytest.mark.parametrize("method", ["harvesting", "em"])
def test_places_that_change_tell_how_much_they_are_looked_at(moving: Events, method: str) -> None:
    config = CONFIG.model_copy(update={"propensity": method, "period_days": 9999.0})
    found = estimate(moving, config, GAINS, EVER, rng(), draws=20)
    assert found.method == method
    assert found.values == pytest.approx(EXAMINED, rel=0.05)
    inside = (np.array(found.low) <= EXAMINED) & (np.array(found.high) >= EXAMINED)
    assert inside.sum() >= 4
    assert found.values[0] == found.low[0] == found.high[0] == 1.0


def test_the_click_rate_by_place_would_not_have_told(moving: Events) -> None:
    counts = impressions(moving).counts
    rate = counts.by_place(counts.clicks) / counts.by_place(counts.shown)
    assert rate[-1] / rate[0] < 0.75 * EXAMINED[-1]  # what stands high is better, too


def test_items_of_many_queries_tell_where_no_place_changes(fixed: Events) -> None:
    counts = impressions(fixed).counts
    assert linked_clicks(counts).sum() == 0
    assert choose(counts, 50)[0] == "regression"
    found = estimate(fixed, CONFIG, GAINS, EVER, rng(), draws=2)
    assert found.method == "regression"
    assert found.values == pytest.approx(EXAMINED, rel=0.1)


def test_the_log_decides_for_the_method(moving: Events) -> None:
    assert estimate(moving, CONFIG, GAINS, EVER, rng(), draws=2).method == "harvesting"
    asking_much = CONFIG.model_copy(update={"evidence": 10**9})
    found = estimate(moving, asking_much, GAINS, EVER, rng())
    assert found.method == "none"
    assert "expected 1000000000 clicks at two places" in found.why
    assert found.of(np.array([0, 3, -1])).tolist()[:2] == [1.0, 1.0]


def test_nothing_is_estimated_of_a_log_without_rankings(moving: Events) -> None:
    early = estimate(moving, CONFIG, GAINS, end_ms=0, rng=rng())
    assert (early.method, early.rankings, list(early.values)) == ("none", 0, [])


def test_only_what_came_before_the_end_is_counted(moving: Events) -> None:
    half = read_impressions(moving, GAINS, end_ms=15_000_000, period_days=1.0, places=5)
    assert half.rankings == 15_000
    assert half.counts.shown.sum() == 15_000 * 5
    clicks = (moving.time_ms < 15_000_000).sum()
    assert half.counts.clicks.sum() == half.clicked.sum() == clicks


def test_only_the_newest_rankings_are_counted(moving: Events) -> None:
    newest = read_impressions(moving, GAINS, EVER, 9999.0, 5, most=100)
    assert newest.rankings == 100
    assert newest.counts.shown.sum() == 100 * 5
    assert newest.counts.clicks.sum() == (moving.ranking >= 30_000 - 100).sum()


def test_a_shopper_whom_nobody_knows_is_nobody_else() -> None:
    shown, clicked = np.array([[0, 1]] * 3), np.zeros((3, 2), dtype=bool)
    events = events_of(shown, np.zeros(3, int), clicked, np.array([0, 1, 1]))
    nobody = np.array([-1, -1, 1], dtype=np.int32)
    rankings = replace(events.rankings, user=nobody)
    found = impressions(replace(events, rankings=rankings), places=2)
    assert len(set(found.shopper.tolist())) == 3


def test_items_are_certain_where_all_that_is_seen_is_clicked() -> None:
    events = position_based(seed=2, n=4_000, moves=True, certain=True)
    counts = impressions(events).counts
    rate = counts.by_place(counts.clicks) / 4_000
    assert fit_pbm(counts) == pytest.approx(rate / rate[0], rel=0.05)


def test_impressions_are_counted_by_query_item_period_and_place() -> None:
    shown = np.array([[0, 1], [1, 0], [0, 1]])
    query = np.array([0, 0, 1])
    clicked = np.array([[1, 0], [1, 0], [0, 0]], dtype=bool)
    events = events_of(shown, query, clicked, np.array([0, 1, 0]))
    found = impressions(events, places=2)
    counts = found.counts
    rows = zip(
        counts.query[counts.cell].tolist(),
        counts.item[counts.cell].tolist(),
        counts.place.tolist(),
        counts.shown.tolist(),
        counts.clicks.tolist(),
        strict=True,
    )
    assert list(rows) == [
        (0, 0, 0, 1.0, 1.0),
        (0, 0, 1, 1.0, 0.0),
        (0, 1, 0, 1.0, 1.0),
        (0, 1, 1, 1.0, 0.0),
        (1, 0, 0, 1.0, 0.0),
        (1, 1, 1, 1.0, 0.0),
    ]
    twice = found.weighted(np.array([2.0, 0.0]))  # the shopper of two rankings twice
    assert twice.shown.tolist() == [2.0, 0.0, 0.0, 2.0, 2.0, 2.0]
    assert twice.clicks.tolist() == [2.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_another_period_is_another_cell() -> None:
    shown, query = np.array([[0, 1], [1, 0]]), np.array([0, 0])
    clicked = np.ones((2, 2), dtype=bool)
    events = events_of(shown, query, clicked, np.array([0, 0]), gap_ms=2 * DAY_MS)
    assert impressions(events, 2).counts.n_cells == 2
    assert read_impressions(events, GAINS, 4 * DAY_MS, 1.0, 2).counts.n_cells == 4


def test_deeper_places_count_as_the_last() -> None:
    events = events_of(np.array([[0, 1, 2]]), np.zeros(1, int), np.ones((1, 3), bool), np.zeros(1))
    assert impressions(events, places=2).counts.place.tolist() == [0, 1, 1]


LIST = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("id_", "place"),
    [
        (LIST, 0),
        (f"{LIST}.20", 20),
        (f"{LIST}.0", 0),
        ("2026.20", 0),
        (f"{LIST}.-2", 0),
        (f"{LIST}.123456", 0),
        (f"{LIST}.20.20", 0),
        (f"{LIST}.٣", 0),
    ],
)
def test_the_id_of_a_page_tells_where_it_begins(id_: str, place: int) -> None:
    assert first_place(id_) == place


@pytest.mark.parametrize("method", ["harvesting", "em"])
def test_a_list_told_in_pages_tells_what_it_tells_as_a_whole(method: str) -> None:
    whole = position_based(seed=3, n=4_000, moves=True)
    pages = in_pages(whole, 2)
    assert len(pages.rankings) == 8_000
    assert impressions(pages).counts.shown.tolist() == impressions(whole).counts.shown.tolist()
    config = CONFIG.model_copy(update={"propensity": method, "period_days": 9999.0})
    one, other = (estimate(log, config, GAINS, EVER, rng(), draws=2) for log in (whole, pages))
    assert one.values == other.values and one.clicks == other.clicks


def counts_of(*rows: tuple[int, int, float, float], places: int = 3) -> Counts:
    """Return counts of rows of cell, place, shown and clicks."""
    cell, place, shown, clicks = (np.array(column) for column in zip(*rows, strict=True))
    cells = int(cell.max()) + 1
    each = np.arange(cells)
    of = (cell.astype(np.int64), place.astype(np.int64))
    return Counts(*of, each, each, places, shown.astype(float), clicks.astype(float))


def test_clicks_of_a_pair_are_weighed_by_the_impressions_of_both() -> None:
    counts = counts_of((0, 0, 30, 6), (0, 1, 10, 1), (1, 0, 5, 2))
    wins = Harvest(counts).wins(counts)
    assert wins[0, 1] == pytest.approx(6 * 10 / 40)
    assert wins[1, 0] == pytest.approx(1 * 30 / 40)
    assert wins.sum() == pytest.approx(wins[0, 1] + wins[1, 0])  # cell 1 stood at one place
    # (6 / 30) / (1 / 10): twice as much is looked at above
    assert all_pairs(wins) == pytest.approx([1.0, 0.5, np.nan], nan_ok=True)
    assert fit_pbm(counts_of((0, 0, 30, 6), (0, 1, 10, 1))) == pytest.approx(
        [1.0, 0.5, np.nan], nan_ok=True
    )


@given(st.lists(st.floats(0.05, 1.0), min_size=2, max_size=6), st.floats(0.5, 20.0))
@settings(max_examples=30, deadline=None)
def test_expected_clicks_give_back_what_made_them(propensity: list[float], worth: float) -> None:
    """Both estimators are exact where clicks are as many as expected, whatever the attractions."""
    examined = np.array(propensity)
    k = len(examined)
    rows = [
        (cell, place, 10.0 + place, (10.0 + place) * examined[place] * worth * (1 + cell))
        for cell in range(k)
        for place in {cell, (cell + 1) % k}
    ]
    counts = counts_of(*rows, places=k)
    due = examined / examined[0]
    harvested = all_pairs(Harvest(counts).wins(counts), tolerance=1e-10, iterations=20_000)
    assert harvested == pytest.approx(due, rel=1e-3)
    fitted = fit_pbm(counts, tolerance=1e-9, iterations=20_000)
    assert fitted == pytest.approx(due, rel=1e-3)


def test_places_that_nothing_links_are_not_compared() -> None:
    apart = counts_of((0, 0, 9, 3), (0, 1, 9, 2), (1, 2, 9, 4), (1, 3, 9, 1), places=4)
    assert linked_clicks(apart).tolist() == [3, 2, 0, 0]


def test_a_place_without_evidence_has_the_value_above_it() -> None:
    shown = np.array([[0, 1, 2], [1, 0, 2]] * 60)
    clicked = np.array([[1, 1, 0], [1, 0, 0]] * 60, dtype=bool)
    events = events_of(shown, np.zeros(120, int), clicked, np.arange(120))
    found = estimate(events, CONFIG, GAINS, EVER, rng(), draws=10)
    assert found.values == pytest.approx([1.0, 0.5])
    assert found.of(np.array([1, 2, 40])) == pytest.approx([0.5, 0.5, 0.5])


def test_an_estimate_is_kept_as_plain_values(moving: Events) -> None:
    found = estimate(moving, CONFIG, GAINS, EVER, rng(), draws=3)
    again = Propensities.from_json(found.as_json())
    assert again.values == pytest.approx(found.values, abs=1e-6)
    assert (again.method, again.clicks, again.why) == (found.method, found.clicks, found.why)


def test_the_same_seed_gives_the_same_estimate(moving: Events) -> None:
    first, second = (estimate(moving, CONFIG, GAINS, EVER, rng(), draws=3) for _ in range(2))
    assert first == second
