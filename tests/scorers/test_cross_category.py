"""What goes with what: the contract, and worlds of baskets whose answer is known."""

from collections.abc import Sequence
from typing import cast

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
from search_rerank.scorers.cross_category import CrossCategory
from tests.scorers.contract import ScorerContract
from tests.scorers.worlds import DAY_MS, NOW_MS

PATHS = {
    "shampoo": ["Hair", "Wash", "Shampoo"],
    "conditioner": ["Hair", "Care", "Conditioner"],
    "comb": ["Hair", "Tools", "Comb"],
    "cream": ["Skin", "Face", "Cream"],
    "mask": ["Skin", "Face", "Mask"],
    "hammer": ["Garden", "Hammer"],
    "spade": ["Garden", "Spade"],
}
PER_KIND = 3
BRANDS = ("north", "south")


def shop() -> Catalogue:
    """Return three items of each kind: `shampoo0` to `spade2`, in turn of two brands."""
    return Catalogue.from_items(
        [
            parse_item(
                {
                    "id": f"{kind}{n}",
                    "title": kind,
                    "category": path,
                    "brand": BRANDS[n % len(BRANDS)],
                }
            )
            for kind, path in PATHS.items()
            for n in range(PER_KIND)
        ]
    )


def basket(
    who: str, items: Sequence[str], days_ago: float = 1, type_: str = "purchase"
) -> list[Interaction]:
    """Return what one shopper did in one session."""
    time_ms = NOW_MS - int(days_ago * DAY_MS)
    return [
        Interaction(
            id=f"{who}-{n}-{days_ago}-{type_}",
            time_ms=time_ms + n,
            user=who,
            session=f"{who}-{days_ago}",
            item=item,
            type=type_,
        )
        for n, item in enumerate(items)
    ]


def fitted(rows: Sequence[Interaction], **options: object) -> CrossCategory:
    world = shop()
    plain = {"half_life_days": 0, "brands": 0, "popularity": 0}
    scorer = cast(CrossCategory, create("cross_category", {**plain, **options}))
    return scorer.fit(Events.from_events(rows, world.ids), world, now_ms=NOW_MS)


def had(*ids: str) -> History:
    return History.of(shop().ids.numbers(ids), now_ms=NOW_MS)


def scores(scorer: CrossCategory, *ids: str) -> dict[str, float]:
    world = shop()
    found = scorer.score(had(*ids), np.arange(len(world), dtype=np.int32))
    return dict(zip(world.ids.ids(), found.tolist(), strict=True))


def hair_and_tools() -> list[Interaction]:
    """Return baskets of shampoo and conditioner, of cream and mask, and of garden tools."""
    rows = []
    for n in range(10):
        rows += basket(f"a{n}", [f"shampoo{n % 2}", f"conditioner{n % 2}"])
        rows += basket(f"b{n}", [f"cream{n % 2}", f"mask{n % 2}"])
        rows += basket(f"c{n}", [f"hammer{n % 2}", f"spade{n % 2}"])
    return rows


class TestCrossCategory(ScorerContract):
    name = "cross_category"
    needs_events = False


def test_what_is_bought_together_goes_together() -> None:
    found = scores(fitted(hair_and_tools()), "shampoo0")
    assert found["conditioner1"] > 0 > found["cream1"]
    assert found["conditioner1"] == max(found.values())
    assert found["conditioner1"] == found["conditioner2"]  # never sold


def test_departments_never_bought_together_are_below_chance() -> None:
    found = scores(fitted(hair_and_tools()), "hammer0")
    assert found["spade2"] > 0
    assert all(value < 0 for id_, value in found.items() if not id_.startswith(("spade", "hammer")))


def test_the_lift_is_the_gamma_poisson_mean_down_the_path() -> None:
    shrink = 2.0
    found = scores(fitted(hair_and_tools(), shrink=shrink), "shampoo0")
    # 30 baskets of two, each a pair in both directions: purchases count 3, sqrt(3 * 3) a pair.
    pair, total = 10 * 3.0, 60 * 3.0
    department = 2 * pair  # of Hair and of Skin with itself, and due: 60 * 60 / 180
    hair = (department + shrink) / (60 * 60 / total + shrink)
    middle = (pair + shrink * hair) / (30 * 30 / total + shrink)  # Wash to Care
    leaf = (pair + shrink * middle) / (30 * 30 / total + shrink)
    assert found["conditioner2"] == pytest.approx(np.log(leaf), rel=1e-5)
    apart = shrink / (60 * 60 / total + shrink)
    face = shrink * apart / (30 * 60 / total + shrink)  # Wash to Face
    cream = shrink * face / (30 * 30 / total + shrink)
    assert found["cream0"] == pytest.approx(np.log(cream), rel=1e-5)


def test_a_path_that_ends_early_counts_once() -> None:
    found = scores(fitted(hair_and_tools(), shrink=2.0), "hammer0")
    pair, total = 10 * 3.0, 60 * 3.0
    garden = (2 * pair + 2.0) / (60 * 60 / total + 2.0)
    leaf = (pair + 2.0 * garden) / (30 * 30 / total + 2.0)
    assert found["spade2"] == pytest.approx(np.log(leaf), rel=1e-5)


def test_a_category_without_events_keeps_what_its_upper_levels_say() -> None:
    found = scores(fitted(hair_and_tools()), "shampoo0")
    assert found["comb0"] > 0  # of the department that shampoo's baskets stay in
    assert found["comb0"] < found["conditioner0"]


def test_an_item_of_the_same_category_is_at_chance() -> None:
    rows = [row for n in range(9) for row in basket(f"d{n}", ["shampoo0", "shampoo1"])]
    rows += hair_and_tools()
    assert scores(fitted(rows), "shampoo0")["shampoo1"] == pytest.approx(0, abs=1e-6)
    assert scores(fitted(rows, same_category=1.0), "shampoo0")["shampoo1"] > 0.1


def test_what_came_first_leads_to_what_came_later() -> None:
    rows = []
    for n in range(10):
        rows += basket(f"a{n}", ["shampoo0"], days_ago=9) + basket(f"a{n}", ["hammer0"], 2)
        rows += basket(f"b{n}", ["cream0"], days_ago=9) + basket(f"b{n}", ["spade0"], 2)
    one_way = fitted(rows, backward=0, basket_hours=1)
    assert scores(one_way, "shampoo0")["hammer1"] > 0.3
    assert scores(one_way, "hammer0")["shampoo1"] == pytest.approx(0, abs=1e-6)
    week = fitted(rows, backward=0, basket_hours=24 * 7)  # a basket has no order
    assert scores(week, "hammer0")["shampoo1"] > 0.3


def test_purchases_say_more_than_clicks() -> None:
    rows = []
    for n in range(5):
        rows += basket(f"a{n}", ["shampoo0", "hammer0"], type_="purchase")
        rows += basket(f"b{n}", ["shampoo0", "cream0"], type_="click")
        rows += basket(f"c{n}", ["spade0", "hammer0"], type_="click")
        rows += basket(f"d{n}", ["spade0", "cream0"], type_="purchase")
    found = scores(fitted(rows), "shampoo0")
    assert found["hammer1"] > found["cream1"]


def test_brands_tell_more_than_their_categories_explain() -> None:
    # Hair goes with skin whoever made it; who buys north buys north.
    rows = []
    for n in range(20):
        same = n % 2
        rows += basket(f"a{n}", [f"shampoo{same}", f"cream{same}"])
    found = scores(fitted(rows, brands=1.0), "shampoo0")
    assert found["cream0"] > found["cream1"]
    plain = scores(fitted(rows), "shampoo0")
    assert plain["cream0"] == plain["cream1"]
    mixed = [
        row for n in range(20) for row in basket(f"a{n}", [f"shampoo{n % 2}", f"cream{n // 2 % 2}"])
    ]
    found = scores(fitted(mixed, brands=1.0), "shampoo0")
    assert found["cream0"] == pytest.approx(found["cream1"], abs=1e-6)
    replaced = [row for n in range(9) for row in basket(f"b{n}", ["shampoo0", "shampoo2"])]
    found = scores(fitted([*mixed, *replaced], brands=1.0), "shampoo0")
    assert found["cream0"] == pytest.approx(found["cream1"], abs=1e-6)


def test_items_of_one_category_are_told_apart_by_demand() -> None:
    rows = [*hair_and_tools(), *basket("z", ["conditioner1"])]
    found = scores(fitted(rows, popularity=0.5), "shampoo0")
    demand = np.log1p([15.0, 18.0])
    assert found["conditioner1"] - found["conditioner2"] == pytest.approx(0.5)
    expected = 0.5 * (1 - demand[0] / demand[1])
    assert found["conditioner1"] - found["conditioner0"] == pytest.approx(expected, rel=1e-5)


def test_the_score_is_of_the_mean_lift_of_the_history() -> None:
    scorer = fitted(hair_and_tools(), decay=0.5)
    apart = [np.exp(scores(scorer, id_)["conditioner0"]) for id_ in ("shampoo0", "hammer0")]
    found = scores(scorer, "shampoo0", "hammer0")["conditioner0"]
    assert found == pytest.approx(np.log((0.5 * apart[0] + apart[1]) / 1.5), rel=1e-5)


def test_few_edges_are_kept_and_the_others_share_their_mean() -> None:
    rows = hair_and_tools()
    whole, one = fitted(rows), fitted(rows, edges=1)
    assert len(one.category_to) == len(PATHS)
    kept, rest = scores(one, "shampoo0"), scores(whole, "shampoo0")
    assert kept["conditioner0"] == pytest.approx(rest["conditioner0"], rel=1e-5)
    others = [np.exp(rest[f"{kind}0"]) for kind in PATHS if kind != "conditioner"]
    assert kept["cream0"] == kept["hammer0"] == pytest.approx(np.log(np.mean(others)), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["click", "cart", "purchase", "look"]), max_size=4))
def test_events_without_a_pair_change_nothing(types: list[str]) -> None:
    alone = [
        row
        for n, type_ in enumerate(types)
        for who in ("x", f"y{n}")
        for row in basket(who, ["cream2"], 3 + 0.01 * n, type_)
    ]
    rows = hair_and_tools()
    np.testing.assert_array_equal(
        list(scores(fitted([*rows, *alone]), "shampoo0").values()),
        list(scores(fitted(rows), "shampoo0").values()),
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_edges_are_bounded_and_finite_whatever_the_baskets(pairs: list[tuple[int, int]]) -> None:
    ids = shop().ids.ids()
    rows = [row for n, (a, b) in enumerate(pairs) for row in basket(f"u{n}", [ids[a], ids[b]])]
    scorer = fitted(rows, edges=4, brands=0.5)
    assert np.diff(scorer.category_starts).max() <= 4
    assert np.diff(scorer.brand_starts).max() <= 4
    assert (scorer.category_lift > 0).all() and (scorer.category_rest > 0).all()
    found = scorer.score(had("shampoo0", "spade0"), np.arange(len(ids), dtype=np.int32))
    assert np.isfinite(found).all()


def names(scorer: CrossCategory, history: History, n: int, **more: bool) -> list[str]:
    found, score = scorer.complements(history, n, **more)
    assert found.dtype == np.int32 and score.dtype == np.float32
    assert (np.diff(score) <= 0).all()
    return [shop().categories[number].split(" > ")[-1] for number in found.tolist()]


def test_complements_are_of_other_departments() -> None:
    rows = hair_and_tools()
    rows += [row for n in range(5) for row in basket(f"e{n}", ["shampoo0", "mask0"])]
    scorer = fitted(rows)
    assert names(scorer, had("shampoo0"), 1) == ["Mask"]
    assert names(scorer, had("shampoo0"), 9) == ["Mask", "Cream", "Hammer", "Spade"]
    assert names(scorer, had("shampoo0"), 2, outside=False) == ["Conditioner", "Mask"]
    everything = [f"{kind}0" for kind in PATHS]
    assert names(scorer, had(*everything), 9, outside=False) == []
    assert names(scorer, had(), 9) == []


def test_complements_weigh_demand() -> None:
    rows = hair_and_tools()
    rows += [row for n in range(60) for row in basket(f"f{n}", ["hammer0"])]
    assert names(fitted(rows, demand=0), had("comb0"), 1) != ["Hammer"]
    assert names(fitted(rows, demand=9), had("comb0"), 1) == ["Hammer"]


def test_a_level_that_all_items_share_is_no_department() -> None:
    world = Catalogue.from_items(
        [
            parse_item({"id": f"i{n}", "title": "x", "category": ["All", name, "Leaf"]})
            for n, name in enumerate(["Hair", "Skin"])
        ]
    )
    scorer = CrossCategory().fit(Events.from_events([], world.ids), world, now_ms=NOW_MS)
    found = [world.categories[number] for number in scorer.department]
    assert found == ["All > Hair", "All > Skin"]


@pytest.mark.parametrize("option", ["window", "edges", "shrink", "decay"])
def test_options_out_of_range_are_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=rf"cross_category: {option}: expected .*, found 0"):
        create("cross_category", {option: 0})
