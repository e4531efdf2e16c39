"""Pages over a shop that changes between them: no item twice, none lost, the window as frozen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from search_rerank.data.item import Item
from search_rerank.engines.base import Retrieve
from search_rerank.errors import EngineUnavailable
from search_rerank.last_good import LastGood
from search_rerank.paging import MARK_BYTES, Page, Place, Shelves, Trail, marks, next_page
from search_rerank.query import Candidates, Filters

IN_STOCK = Filters(terms={"in_stock": ("true",)})


@dataclass
class Shop:
    """As much of an engine as pages need: items by a score of their own, ties by id."""

    items: dict[str, Item] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def put(self, id_: str, score: int, in_stock: bool = True, group: str | None = None) -> None:
        self.items[id_] = Item(id=id_, title=id_, in_stock=in_stock, group_id=group)
        self.scores[id_] = score

    def order(self, request: Retrieve) -> list[str]:
        terms = request.filters.terms
        found = [
            id_
            for id_, item in self.items.items()
            if ("id" not in terms or id_ in terms["id"])
            and ("in_stock" not in terms or item.in_stock)
        ]
        found.sort(key=lambda id_: (-self.scores[id_], id_))
        if not request.collapse:
            return found
        first: dict[str, str] = {}
        for id_ in found:
            first.setdefault(self.items[id_].group_id or id_, id_)
        return list(first.values())

    def retrieve(self, request: Retrieve) -> Candidates:
        self.asked.append(request.k)
        found = self.order(request)
        none = np.zeros(len(found[: request.k]), dtype=np.float32)
        return Candidates(found[: request.k], none, none, none, total=len(found))

    def look_up(self, ids: Sequence[str]) -> dict[str, Item]:
        return {id_: self.items[id_] for id_ in ids if id_ in self.items}


def page_of(
    shop: Shop,
    trail: Trail,
    request: Retrieve,
    size: int = 3,
    depth: int = 99,
    admits: Callable[[Item], bool] = lambda item: True,
    kept: LastGood | None = None,
) -> Page:
    """Return the page that follows; the filters of the request hold for the window, too."""

    def may_be_shown(item: Item) -> bool:
        return bool(item.in_stock or not request.filters) and admits(item)

    shelves = Shelves(shop.look_up, shop.retrieve, may_be_shown, kept)
    return next_page(shelves, trail, request, size, depth)


def shown(page: Page) -> list[str]:
    return [hit.id for hit in page.hits]


def begun(window: Sequence[str], size: int, goes_on: bool = True) -> Trail:
    """Return where the list goes on after a first page of an ungrouped window."""
    waiting = tuple(Place(id_, rank) for rank, id_ in enumerate(window[size:], size))
    seen = frozenset(mark for id_ in window[:size] for mark in marks(id_))
    return Trail(size, waiting, seen, goes_on)


def letters(n: int = 9) -> Shop:
    """Return a shop of a, b, c and so on, the best first."""
    shop = Shop()
    for rank, id_ in enumerate("abcdefghijklmnopqrstuvwxyz"[:n]):
        shop.put(id_, -rank)
    return shop


def test_the_window_keeps_its_order_and_the_engine_s_follows() -> None:
    shop, request = letters(), Retrieve("")
    page = page_of(shop, begun("dacb", 1), request, 2)
    assert (shown(page), page.first) == (["a", "c"], 1)
    assert page.rest is not None
    page = page_of(shop, page.rest, request, 4)
    assert (shown(page), page.first) == (["b", "e", "f", "g"], 3)
    assert page.rest is not None
    page = page_of(shop, page.rest, request, 4)
    assert shown(page) == ["h", "i"]
    assert page.rest is None


def test_a_page_that_takes_the_last_one_is_the_last() -> None:
    shop, request = letters(4), Retrieve("")
    assert page_of(shop, begun("ab", 1), request, 3).rest is None
    assert page_of(shop, begun("ab", 1), request, 2).rest is not None


def test_a_window_alone_asks_the_engine_for_nothing() -> None:
    shop = letters()
    page = page_of(shop, begun("dacb", 2, goes_on=False), Retrieve(""), 5)
    assert (shown(page), page.rest, shop.asked) == (["c", "b"], None, [])


def test_what_rises_above_the_edge_is_not_lost_and_what_sinks_comes_once() -> None:
    shop, request = letters(6), Retrieve("")
    trail = begun("ab", 2)
    shop.put("a", -9)
    shop.put("f", 9)
    page = page_of(shop, trail, request, 2)
    assert shown(page) == ["f", "c"]
    assert page.rest is not None
    shop.put("c", -99)
    assert shown(page_of(shop, page.rest, request, 9)) == ["d", "e"]


def test_what_is_gone_closes_its_place_and_comes_again_past_the_window() -> None:
    shop, request = letters(5), Retrieve("", filters=IN_STOCK)
    trail = begun("abcd", 1)
    shop.put("b", 0, in_stock=False)
    del shop.items["c"]
    page = page_of(shop, trail, request, 2)
    assert shown(page) == ["d", "e"]
    assert page.rest is None
    page = page_of(shop, trail, request, 1)
    assert page.rest is not None
    shop.put("b", 0)
    assert shown(page_of(shop, page.rest, request)) == ["b", "e"]


def test_of_a_product_one_variant_is_shown() -> None:
    shop, request = Shop(), Retrieve("", collapse=True)
    for rank, (id_, group) in enumerate([("a", "g"), ("b", "h"), ("c", "g"), ("d", "h")]):
        shop.put(id_, -rank, group=group)
    shop.put("e", -9)
    trail = Trail(1, (), frozenset(marks("a", "g")), True)
    shop.put("a", -5, group="g")  # now c stands for the product
    page = page_of(shop, trail, request)
    assert shown(page) == ["b", "e"]
    assert page.rest is None


def test_pages_end_at_the_depth() -> None:
    shop, request = letters(), Retrieve("")
    page = page_of(shop, begun("ab", 2), request, 3, depth=6)
    assert shown(page) == ["c", "d", "e"]
    assert page.rest is not None
    page = page_of(shop, page.rest, request, 3, depth=6)
    assert (shown(page), page.rest) == (["f"], None)


def test_the_engine_is_asked_for_no_more_than_it_takes() -> None:
    shop = letters()
    page_of(shop, begun("abcd", 1), Retrieve(""), 2)
    assert shop.asked == []
    page_of(shop, begun("abcd", 4), Retrieve(""), 3)
    assert shop.asked == [4 + 3 + 1]


def test_what_is_not_admitted_is_passed_over_however_much_it_is() -> None:
    shop, request = letters(26), Retrieve("")
    few = [f"{id_}" for id_ in "cpz"]
    page = page_of(shop, begun("abc", 1), request, 2, admits=lambda item: item.id in few)
    assert shown(page) == ["c", "p"]
    assert page.rest is not None
    page = page_of(shop, page.rest, request, 2, admits=lambda item: item.id in few)
    assert (shown(page), page.rest) == (["z"], None)


class Away(Shop):
    """An engine that is away; `lists` is whether it is for searches only."""

    lookups = False

    def retrieve(self, request: Retrieve) -> Candidates:
        raise EngineUnavailable("away")

    def look_up(self, ids: Sequence[str]) -> dict[str, Item]:
        if self.lookups:
            return super().look_up(ids)
        raise EngineUnavailable("away")


def test_while_the_engine_is_away_the_window_is_shown_as_last_known() -> None:
    kept = LastGood(1.0, 60.0)
    shop = letters(4)
    page_of(shop, begun("abcd", 0), Retrieve(""), 3, kept=kept)
    for frozen, reason, known in (("abc", "stale", 2), ("abd", "missing", 1)):
        page = page_of(Away(), begun(frozen, 1), Retrieve(""), 2, kept=kept)
        assert shown(page) == list(frozen[1:])
        assert len(page.items) == known
        assert [(part.stage, part.reason) for part in page.degraded] == [("items", reason)]
    hidden = page_of(
        Away(), begun("abd", 1), Retrieve(""), 2, 99, lambda item: item.id != "d", kept
    )
    assert shown(hidden) == ["b"]
    with pytest.raises(EngineUnavailable, match="away"):
        page_of(Away(), begun("abc", 1), Retrieve(""), 2)


def test_a_page_that_the_engine_cannot_fill_up_is_short_and_goes_on() -> None:
    shop = Away()
    shop.lookups = True
    shop.put("b", 0)
    page = page_of(shop, begun("ab", 1), Retrieve(""), 2)
    assert shown(page) == ["b"]
    assert page.rest is not None and page.rest.goes_on
    assert [(part.stage, part.reason) for part in page.degraded] == [("items", "away")]
    with pytest.raises(EngineUnavailable, match="away"):
        page_of(shop, begun("ab", 2), Retrieve(""), 2)


def test_marks_tell_items_from_products() -> None:
    one, two = marks("a", "a")
    assert one != two and len(one) == len(two) == MARK_BYTES
    assert marks("a") == [one]


IDS = st.sampled_from([f"p{n}" for n in range(14)])
SCORES = st.integers(0, 5)


class Paging(RuleBasedStateMachine):
    """Pages are asked for, and items put and deleted, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shop()
        self.pages: list[Page] = []

    @initialize(
        scores=st.lists(SCORES, min_size=1, max_size=14),
        window=st.integers(0, 8),
        collapse=st.booleans(),
        filtered=st.booleans(),
        size=st.integers(1, 4),
        data=st.data(),
    )
    def begin(
        self,
        scores: list[int],
        window: int,
        collapse: bool,
        filtered: bool,
        size: int,
        data: st.DataObject,
    ) -> None:
        for n, score in enumerate(scores):
            self.put(f"p{n}", score, n % 5 > 0)
        filters = IN_STOCK if filtered else Filters()
        self.request = Retrieve("", filters=filters, collapse=collapse)
        there = self.shop.order(self.request)
        self.window = data.draw(st.permutations(there[:window]))
        self.first = self.window[:size]
        waiting = tuple(Place(id_, rank) for rank, id_ in enumerate(self.window[size:]))
        seen = frozenset(mark for id_ in self.first for mark in self.marks(id_))
        self.rest: Trail | None = Trail(len(self.first), waiting, seen, True)
        self.always = {self.product(id_) for id_ in there}
        self.kept = set(there)

    def product(self, id_: str) -> str:
        item = self.shop.items[id_]
        return (item.group_id or id_) if self.request.collapse else id_

    def marks(self, id_: str) -> list[bytes]:
        group = self.shop.items[id_].group_id
        return marks(id_, group if self.request.collapse else None)

    def put(self, id_: str, score: int, in_stock: bool) -> None:
        number = int(id_[1:])
        self.shop.put(id_, score, in_stock, f"g{number % 4}" if number % 3 else None)

    def changed(self) -> None:
        there = [
            id_
            for id_ in self.shop.items
            if not self.request.filters or self.shop.items[id_].in_stock
        ]
        self.always &= {self.product(id_) for id_ in there}
        self.kept &= set(there)

    @rule(id_=IDS, score=SCORES, in_stock=st.booleans())
    def write(self, id_: str, score: int, in_stock: bool) -> None:
        self.put(id_, score, in_stock)
        self.changed()

    @rule(id_=IDS)
    def delete(self, id_: str) -> None:
        self.shop.items.pop(id_, None)
        self.changed()

    @rule(size=st.integers(1, 4))
    def page(self, size: int) -> None:
        if self.rest is None:
            return
        page = page_of(self.shop, self.rest, self.request, size)
        assert len(page.hits) == size or page.rest is None
        assert set(page.items) == set(shown(page))
        there = self.shop.items
        assert all(id_ in there for id_ in shown(page))
        if self.request.filters:
            assert all(there[id_].in_stock for id_ in shown(page))
        self.pages.append(page)
        self.rest = page.rest

    def teardown(self) -> None:
        if not hasattr(self, "first"):
            return
        while self.rest is not None:
            self.page(3)
        found = [*self.first, *(id_ for page in self.pages for id_ in shown(page))]
        assert len(set(found)) == len(found)
        groups: list[Any] = [f"g{int(id_[1:]) % 4}" if int(id_[1:]) % 3 else id_ for id_ in found]
        products = groups if self.request.collapse else found
        assert len(set(products)) == len(products)
        assert self.always <= set(products)
        still = [id_ for id_ in self.window if id_ in self.kept or id_ in self.first]
        assert [id_ for id_ in found if id_ in still] == still
        beyond = [place for place, id_ in enumerate(found) if id_ not in self.window]
        assert all(found.index(id_) < place for id_ in still for place in beyond)


TestPaging = Paging.TestCase
TestPaging.settings = settings(max_examples=80, stateful_step_count=20, deadline=None)


@pytest.mark.parametrize("n", [0, 1, 1000])
def test_marks_are_told_apart(n: int) -> None:
    assert len({mark for k in range(n) for mark in marks(f"p{k}", f"p{k}")}) == 2 * n
