"""Many rules on one ranking: whatever they are, some things hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.rules.applying import Applying
from search_rerank.rules.base import Rule
from search_rerank.rules.facts import Facts, FactTable
from search_rerank.rules.hide import Removal
from search_rerank.rules.pin import Pin
from search_rerank.rules.reading import parse_rules
from tests.rules.worlds import BRANDS, item

ITEMS = [item(n) for n in range(24)]
IDS = [one.id for one in ITEMS]
RANKED = 20
"""Rows that are ranked; the others are what pins put in."""

wheres = st.one_of(
    st.sampled_from(BRANDS).map(lambda brand: {"terms": {"brand": brand}}),
    st.lists(st.sampled_from(IDS), min_size=1, max_size=5).map(lambda ids: {"terms": {"id": ids}}),
    st.integers(0, 24).map(lambda price: {"ranges": {"price": {"gte": price}}}),
)
places = st.dictionaries(st.sampled_from(IDS), st.integers(1, 30), min_size=1, max_size=4)
kinds: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "boost": st.fixed_dictionaries({"where": wheres, "places": st.integers(1, 30)}),
    "bury": st.fixed_dictionaries({"where": wheres, "places": st.integers(1, 30)}),
    "hide": st.fixed_dictionaries({"where": wheres}),
    "filter": st.fixed_dictionaries({"where": wheres}),
    "pin": st.fixed_dictionaries(
        {"places": places.filter(lambda one: len(set(one.values())) == len(one))}
    ),
    "cap": st.fixed_dictionaries(
        {"by": st.sampled_from(["brand", "category"]), "most": st.integers(1, 4)}
    ),
    "diversify": st.fixed_dictionaries({"by": st.just("brand"), "most": st.just(1)}),
    "exposure": st.fixed_dictionaries({"where": wheres, "share": st.floats(0.1, 1)}),
    "favour": st.fixed_dictionaries(
        {"by": st.sampled_from(["price", "in_stock", "attributes.margin"])}
    ),
}
rules_of = st.lists(
    st.sampled_from(sorted(kinds)).flatmap(
        lambda kind: kinds[kind].map(lambda fields: {"kind": kind, **fields})
    ),
    max_size=6,
)


def applied(rows: list[dict[str, Any]], order: list[int]) -> tuple[list[Rule], Applying]:
    rules = parse_rules([{"id": f"r{n}", **row} for n, row in enumerate(rows)])
    table = FactTable(rules.questions)
    facts = Facts(rules.questions, IDS, lambda: table.of_items(ITEMS))
    lost: list[tuple[str, Exception]] = []
    way = Applying(
        IDS,
        np.array(order, dtype=np.intp),
        np.arange(RANKED, len(IDS)),
        facts,
        lambda rule, error: lost.append((rule.id, error)),
    )
    found = list(rules.in_order)
    way.remove([rule for rule in found if isinstance(rule, Removal)], ())
    way.move([rule for rule in found if rule.stage == "move"])
    way.pin([rule for rule in found if isinstance(rule, Pin)], collapse=False)
    assert lost == []
    return found, way


@settings(deadline=None, max_examples=60)
@given(rows=rules_of, order=st.permutations(range(RANKED)))
def test_what_holds_of_any_rules(rows: list[dict[str, Any]], order: list[int]) -> None:
    rules, way = applied(rows, order)
    shown = [IDS[row] for row in way.order.tolist()]
    admitted = {
        one.id
        for one in ITEMS
        if all(rule.admits(one) for rule in rules if isinstance(rule, Removal))
    }
    pinned = {id_ for rule in rules if isinstance(rule, Pin) for id_ in rule.places}
    ranked = {IDS[row] for row in order}
    assert len(set(shown)) == len(shown)
    assert set(shown) == admitted & (ranked | pinned)
    assert {IDS[row] for row in way.pinned} == pinned & admitted
    assert [use.id for use in way.uses] == [rule.id for rule in rules]
    for row, names in way.by.items():
        assert all(IDS[row] in use.items for use in way.uses if use.id in names)
    # Every pin's item has its place, or one after it that other pins pushed it to, or the last.
    pins = [rule for rule in rules if isinstance(rule, Pin)]
    wanted: dict[str, int] = {}
    for pin in reversed(pins):
        for id_, place in pin.places.items():
            if id_ in admitted:
                wanted.setdefault(id_, place)
    for id_, place in wanted.items():
        now = shown.index(id_) + 1
        between = {IDS[row] for row in way.pinned}
        if now < place:
            assert set(shown[now:]) <= between, "it could have stood lower"
        else:
            assert set(shown[place - 1 : now]) <= between, "it could have stood higher"


@settings(deadline=None)
@given(order=st.permutations(range(RANKED)))
def test_no_rules_change_nothing(order: list[int]) -> None:
    _, way = applied([], order)
    assert way.order.tolist() == order and not way.by and not way.uses
