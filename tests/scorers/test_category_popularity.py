"""Demand drawn to the category's: the contract, and arithmetic on a few items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Interaction
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.data.item import parse_item
from search_rerank.errors import ConfigError
from search_rerank.scorers import create
from search_rerank.scorers.shrunken import category_rates
from tests.scorers.contract import ScorerContract
from tests.scorers.worlds import DAY_MS, NOW_MS

PATHS = {"a": ["Red", "Deep"], "b": ["Red", "Deep"], "c": ["Red", "Pale"], "d": ["Blue"], "e": []}


def shop() -> Catalogue:
    return Catalogue.from_items(
        [parse_item({"id": id_, "title": id_, "category": path}) for id_, path in PATHS.items()]
    )


def scores(rows: list[tuple[str, float]], **options: object) -> dict[str, float]:
    """Return each item's score after clicks given as (item, days ago)."""
    world = shop()
    log = [
        Interaction(
            id=str(n), time_ms=NOW_MS - int(days * DAY_MS), user="u", item=id_, type="click"
        )
        for n, (id_, days) in enumerate(rows)
    ]
    scorer = create("category_popularity", options)
    scorer = scorer.fit(Events.from_events(log, world.ids), world, now_ms=NOW_MS)
    found = scorer.score(History.empty(NOW_MS), np.arange(len(world), dtype=np.int32))
    return dict(zip(world.ids.ids(), found.tolist(), strict=True))


class TestCategoryPopularity(ScorerContract):
    name = "category_popularity"
    how = "updated"
    personal = False
    needs_events = False


def test_the_rate_is_drawn_to_the_mean_of_the_category() -> None:
    found = scores([("a", 10), ("d", 20)], windows={"10": 1.0}, smoothing=0.5, shrink=2.0)
    a_day = np.log(2) / 10
    demand = {"a": 0.5, "b": 0.0, "c": 0.0, "d": 0.25, "e": 0.0}
    shop_mean = 0.75 / 5
    red = (0.5 + 2 * shop_mean) / (3 + 2)
    usual = {
        "a": (0.5 + 2 * red) / (2 + 2),
        "b": (0.5 + 2 * red) / (2 + 2),
        "c": (0 + 2 * red) / (1 + 2),
        "d": (0.25 + 2 * shop_mean) / (1 + 2),
        "e": shop_mean,
    }
    for id_, score in found.items():
        expected = np.log(a_day * (demand[id_] + 0.5 * usual[id_]) / 1.5)
        assert score == pytest.approx(expected, rel=1e-5)


def test_an_item_without_events_is_as_wanted_as_its_category() -> None:
    found = scores([("a", 1), ("a", 2), ("d", 4000)])
    assert found["a"] > found["b"] > found["c"] > found["d"]


def test_windows_are_weighed() -> None:
    rows = [("a", 1.0), ("b", 3.0), ("b", 40.0), ("d", 5.0)]
    short, long = (scores(rows, windows={days: 1.0}) for days in ("7", "180"))
    both = scores(rows, windows={"7": 1.0, "180": 3.0})
    for id_, score in both.items():
        assert score == pytest.approx((short[id_] + 3 * long[id_]) / 4, rel=1e-5)


def test_a_shop_without_events_has_no_order() -> None:
    assert len(set(scores([]).values())) == 1


@pytest.mark.parametrize("windows", [{}, {"0": 1.0}, {"7": 0.0}, {"-3": 1.0}])
def test_windows_out_of_range_are_refused(windows: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="category_popularity: windows: expected half-lives in"):
        create("category_popularity", {"windows": windows})


def test_a_window_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="windows: expected a half-life in days, found 'week'"):
        create("category_popularity", {"windows": {"week": 1.0}})


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 100), min_size=5, max_size=5),
    st.floats(0.1, 100),
    st.floats(0.1, 10),
)
def test_a_category_rate_lies_between_its_items_and_the_prior(
    counted: list[float], shrink: float, prior: float
) -> None:
    due = np.ones(5)
    rates = category_rates(shop().category, np.array(counted), due, prior, shrink)
    assert rates[0] == rates[1]
    assert rates[4] == prior
    low, high = min([*counted, prior]), max([*counted, prior])
    assert (rates >= low - 1e-9).all() and (rates <= high + 1e-9).all()
