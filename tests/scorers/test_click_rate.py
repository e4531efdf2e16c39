"""Clicks over expected clicks: the contract, and arithmetic on a few rankings."""

import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Event, Interaction, Ranking
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.data.item import parse_item
from search_rerank.errors import ConfigError
from search_rerank.scorers import create
from search_rerank.scorers.base import Scorer
from tests.scorers.contract import ALL, ScorerContract
from tests.scorers.worlds import DAY_MS, NOW_MS, UNSOLD, catalogue, checkerboard

PATHS = {"a": ["Red", "Deep"], "b": ["Red", "Deep"], "c": ["Red", "Pale"], "d": ["Blue"], "e": []}


def shop() -> Catalogue:
    return Catalogue.from_items(
        [parse_item({"id": id_, "title": id_, "category": path}) for id_, path in PATHS.items()]
    )


def shown(n: int, items: str, taken: str = "", type_: str = "click", ago: float = 1) -> list[Event]:
    """Return one ranking of items named by letters, and what was done with some of them."""
    time_ms = NOW_MS - int(ago * DAY_MS)
    rows: list[Event] = [Ranking(id=f"r{n}", time_ms=time_ms, user="u", items=tuple(items))]
    return rows + [
        Interaction(
            id=f"{n}-{id_}-{type_}",
            time_ms=time_ms + 1,
            user="u",
            item=id_,
            type=type_,
            ranking=f"r{n}",
        )
        for id_ in taken
    ]


def scores(rows: list[Event], **options: object) -> dict[str, float]:
    world = shop()
    scorer = create("click_rate", {"half_life_days": 0, "position": 1.0, **options})
    scorer = scorer.fit(Events.from_events(rows, world.ids), world, now_ms=NOW_MS)
    found = scorer.score(History.empty(NOW_MS), np.arange(len(world), dtype=np.int32))
    return dict(zip(world.ids.ids(), found.tolist(), strict=True))


class TestClickRate(ScorerContract):
    name = "click_rate"
    personal = False
    how = "kept"

    def fitted(self, events: Events | None = None, **options: object) -> Scorer:
        """Fit on the checkerboard and a page of all that it sells, unless on other events."""
        if events is None:
            items = catalogue().ids.ids()[:UNSOLD]
            page = Ranking(id="r", time_ms=NOW_MS - DAY_MS, user="shopper-0", items=tuple(items))
            events = Events.from_events([page, *checkerboard().log], catalogue().ids)
        return super().fitted(events, **options)

    def before(self) -> Scorer:
        return self.fitted()

    def test_a_log_without_rankings_gives_no_opinion(self) -> None:
        assert np.isnan(self.fitted(checkerboard()).score(History.empty(NOW_MS), ALL)).all()


def test_clicks_over_expected_clicks() -> None:
    # Of the first places 1 of 2 was clicked, of the second ones 1 of 2: each item had 1 expected.
    found = scores([*shown(1, "de", "d"), *shown(2, "ed", "d")], shrink=1.0)
    blue = (2 + 1 * 1) / (1 + 1)  # d is all that its category has
    assert found["d"] == pytest.approx(np.log((2 + 1 * blue) / (1 + 1)))
    assert found["e"] == pytest.approx(np.log((0 + 1 * 1) / (1 + 1)))


def test_a_click_at_a_low_place_says_more() -> None:
    rows = [row for n in range(8) for row in shown(n, "de", "d")]
    rows += [*shown(8, "ed", "d"), *shown(9, "de", "e")]
    found = scores(rows)
    assert found["e"] < found["d"]  # shown as often low as it had clicks expected there
    # Both were clicked once at the second place; d was expected to be clicked at the first.
    turned = scores([*shown(1, "de", "de"), *shown(2, "de", "d"), *shown(3, "de", "d")])
    assert turned["e"] == pytest.approx(0, abs=1e-6)
    assert turned["d"] == pytest.approx(0, abs=1e-6)


def test_few_counts_are_drawn_to_the_category_and_those_above() -> None:
    rows = [row for n in range(20) for row in shown(n, "bd", "b")]
    rows += [*shown(90, "da"), *shown(91, "dc"), *shown(92, "de")]
    found = scores(rows)
    # All three were shown once at the second place, without a click: their relatives differ.
    assert found["a"] > found["c"] > found["e"]


def test_the_strongest_interaction_counts_once() -> None:
    rows = [*shown(1, "de", "d", "purchase"), *shown(2, "ed", "e", "purchase")]
    once = scores(rows)
    rows += [row for row in shown(1, "de", "d") if isinstance(row, Interaction)]
    assert scores(rows) == pytest.approx(once, nan_ok=True)


def test_interactions_that_name_no_ranking_say_nothing() -> None:
    rows = [*shown(1, "de", "d"), *shown(2, "ed", "e")]
    elsewhere = Interaction(id="x", time_ms=NOW_MS - 5, user="u", item="e", type="purchase")
    unshown = Interaction(
        id="y", time_ms=NOW_MS - 5, user="u", item="a", type="click", ranking="r1"
    )
    assert scores([*rows, elsewhere, unshown]) == pytest.approx(scores(rows), nan_ok=True)


def test_rankings_and_interactions_from_now_on_are_not_looked_at() -> None:
    rows = [*shown(1, "de", "d"), *shown(2, "ed", "e")]
    late = [*shown(3, "ab", "a", ago=0), *shown(4, "ed", "d", ago=-1)]
    late += [Interaction(id="l", time_ms=NOW_MS, user="u", item="e", type="purchase", ranking="r1")]
    found = scores([*rows, *late])
    assert found == pytest.approx(scores(rows), nan_ok=True)
    assert np.isnan(found["a"])


def test_an_old_ranking_counts_half_after_the_half_life() -> None:
    rows = [*shown(1, "d", "d", ago=10), *shown(2, "d", ago=20), *shown(3, "e", ago=10)]
    found = scores(rows, half_life_days=10, shrink=1.0)
    # Gained 1/2, expected at the place (1/2) / (1/2 + 1/4 + 1/2) = 0.4 of 1/2 + 1/4 shown.
    due = 0.4 * 0.75
    blue = (0.5 + 1) / (due + 1)
    assert found["d"] == pytest.approx(np.log((0.5 + blue) / (due + 1)))


def test_a_place_counts_by_the_power_of_its_worth() -> None:
    rows = [*shown(1, "de", "d"), *shown(2, "de", "d"), *shown(3, "ed", "ed"), *shown(4, "ab")]
    # First places gained 3 of 4, second ones 1 of 4: 1/2 on average.
    first, second = (0.5 * (share / 0.5) ** 0.5 for share in (3 / 4, 1 / 4))
    due = 2 * second + first  # of e, which no category tells of
    found = scores(rows, position=0.5, shrink=1.0)
    assert found["e"] == pytest.approx(np.log((1 + 1) / (due + 1)))
    plain = scores(rows, position=0, shrink=1.0)
    assert plain["e"] == pytest.approx(np.log((1 + 1) / (3 * 0.5 + 1)))


@pytest.mark.parametrize(("option", "value"), [("shrink", 0), ("position", 2)])
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"click_rate: {option}: expected .*, found {value}"):
        create("click_rate", {option: value})
