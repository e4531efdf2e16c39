"""Slices of queries, from a log and a catalogue small enough to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import parse_event
from search_rerank.data.events import Events
from search_rerank.data.item import Item
from search_rerank.evaluation.past import (
    history_lengths,
    item_demand,
    query_frequency,
    searches_per_text,
)
from search_rerank.evaluation.slices import (
    Slice,
    by_category,
    by_demand,
    by_history,
    by_newness,
    by_words,
    slices,
)
from search_rerank.occasions import Occasion
from search_rerank.query import Query

CATALOGUE = Catalogue.from_items(
    [
        Item(id="boot", title="boot", category=["Shop", "Shoes"]),
        Item(id="shoe", title="shoe", category=["Shop", "Shoes", "Low"]),
        Item(id="lamp", title="lamp", category=["Shop", "Light"]),
        Item(id="thing", title="thing"),
        Item(id="mug", title="mug", category=["Shop", "Kitchen"]),
    ]
)
CUT = 1_000


def log(*rows: dict[str, Any]) -> Events:
    events = (parse_event({"id": f"n{n}", **row}) for n, row in enumerate(rows))
    return Events.from_events([event for event in events if event is not None], CATALOGUE.ids)


def click(at: int, item: str = "boot", **more: str) -> dict[str, Any]:
    row = {"event": "interaction", "type": "click", "timestamp": at, "item": item}
    return row | (more or {"user": "ann"})


def ranking(at: int, query: str) -> dict[str, Any]:
    return {"event": "ranking", "timestamp": at, "query": query, "items": ["boot"], "user": "ann"}


def occasion(text: str = "", *taken: str, at: int = CUT + 1, **who: str) -> Occasion:
    return Occasion(Query(text=text, now_ms=at, **who), dict.fromkeys(taken, 1.0))  # type: ignore[arg-type]


def names(found: list[Slice]) -> dict[str, list[int]]:
    return {one.name: np.flatnonzero(one.mask).tolist() for one in found}


def test_searches_are_the_rankings_of_a_log_that_has_them() -> None:
    events = log(
        ranking(1, "boots"),
        ranking(2, " BOOTS"),
        ranking(3, "lamp"),
        ranking(CUT, "lamp"),  # not before
        click(4, user="ann", query="boots"),  # what came of a search is no search
    )
    counts = dict(zip(events.queries.ids(), searches_per_text(events, CUT).tolist(), strict=True))
    assert sorted(counts.values()) == [0, 1, 2]
    asked = [occasion("Boots"), occasion("lamp"), occasion("mugs")]
    assert query_frequency(asked, events, CUT).tolist() == [2, 1, 0]


def test_without_rankings_they_are_the_interactions_that_name_a_query() -> None:
    events = log(click(1, user="ann", query="boots"), click(2, user="ann"), click(3, user="bob"))
    assert query_frequency([occasion("boots"), occasion("")], events, CUT).tolist() == [1, 0]


def test_head_torso_and_tail_are_thirds_of_the_searches() -> None:
    # 40 searches for one text, 20 + 20 for two, 4 for ten each: the shares end at .33, .67, 1.
    searches = np.array([40, 20, 20, *[4] * 10])
    found = by_demand(np.array([40, 20, 4, 0]), searches)
    assert names(found) == {"head": [0], "torso": [1], "tail": [2], "new": [3]}
    # Text of one frequency stay together, where the middle of them lies.
    assert names(by_demand(np.array([1]), np.ones(9, dtype=int)))["torso"] == [0]
    assert names(by_demand(np.array([0]), np.zeros(0, dtype=int)))["new"] == [0]


def test_history_is_counted_strictly_before() -> None:
    events = log(
        click(10, user="ann"),
        click(20, user="ann", session="s"),
        click(30, user="bob"),
        click(40, session="s"),
        click(CUT, user="ann"),
        click(CUT + 5, user="ann"),
        click(CUT + 5, user="ann"),
    )
    asked = [
        occasion(user="ann", at=CUT + 5),
        occasion(user="ann", at=CUT + 6),
        occasion(user="bob"),
        occasion(session="s"),
        occasion(user="eve"),
        occasion(session="t"),
        occasion(),
    ]
    assert history_lengths(asked, events, CUT).tolist() == [2, 2, 1, 1, 0, 0, 0]
    assert history_lengths(asked, events, CUT, live=True).tolist() == [3, 5, 1, 1, 0, 0, 0]


def test_history_of_many_agrees_with_counting() -> None:
    rng = np.random.default_rng(0)
    rows = [click(int(at), user=f"u{rng.integers(9)}") for at in rng.integers(0, 50, 300)]
    events = log(*rows)
    asked = [occasion(user=f"u{n}", at=at) for n in range(9) for at in (0, 7, 25, 60)]
    expected = [
        sum(row["user"] == one.query.user and row["timestamp"] < one.query.now_ms for row in rows)
        for one in asked
    ]
    assert history_lengths(asked, events, CUT, live=True).tolist() == expected


def test_buckets_from_cold_to_warm() -> None:
    found = names(by_history(np.array([0, 1, 4, 5, 19, 20, 999])))
    assert found == {"0": [0], "1 to 4": [1, 2], "5 to 19": [3, 4], "20 or more": [5, 6]}


def test_words_of_the_query() -> None:
    asked = [occasion(text) for text in ("", "boots", " red  boots ", "a b c", "a b c d e")]
    found = names(by_words(asked))
    assert found == {"0": [0], "1": [1], "2": [2], "3": [3], "4 or more": [4]}


def test_categories_of_what_was_taken() -> None:
    asked = [
        occasion("", "boot", "shoe"),
        occasion("", "shoe", "lamp"),
        occasion("", "mug", "unheard of"),
        occasion("", "thing"),
        occasion("", "lamp"),
        occasion("", "boot"),
        occasion("", "unheard of"),
    ]
    found = names(by_category(asked, CATALOGUE, most=2))
    assert found == {"Shop > Shoes": [0, 1, 5], "Shop > Light": [1, 4], "other": [2]}


def test_new_items_are_those_nobody_took_before() -> None:
    asked = [occasion("", "boot"), occasion("", "boot", "lamp"), occasion("", "unheard of")]
    found = by_newness(asked, CATALOGUE, np.array([3, 0, 0, 0, 0]))
    assert names(found) == {"new": [1, 2], "known": [0]}


def test_all_traits_without_parts_that_say_nothing() -> None:
    events = log(ranking(1, "boots"), click(2, "boot", user="ann"), click(CUT + 2, "lamp"))
    asked = [
        occasion("boots", "boot", user="ann"),
        occasion("red lamps", "lamp", user="bob"),
        occasion("lamps", "lamp", user="bob"),
    ]
    found = slices(asked, CATALOGUE, events, CUT)
    assert [str(one) for one in found] == [
        "demand: torso",
        "demand: new",
        "history: 0",
        "history: 1 to 4",
        "category: Shop > Light",
        "category: Shop > Shoes",
        "words: 1",
        "words: 2",
        "items: new",
        "items: known",
    ]
    assert [len(one) for one in found] == [1, 2, 2, 1, 2, 1, 2, 1, 2, 1]
    given = slices(asked, CATALOGUE, events, CUT, history=np.array([7, 7, 30]))
    assert [one.name for one in given if one.by == "history"] == ["5 to 19", "20 or more"]


def test_demand_of_a_protocol_is_that_for_the_items_of_a_query() -> None:
    events = log(*(click(n, "boot") for n in range(6)), *(click(n, "lamp") for n in range(4)))
    of = {"shoes": ["boot", "shoe"], "light": ["lamp"], "cups": ["mug", "unheard of"]}
    assert item_demand(of, events, CUT) == {"shoes": 6, "light": 4, "cups": 0}
    assert item_demand(of, events, 2) == {"shoes": 2, "light": 2, "cups": 0}
    asked = [occasion(text, "boot") for text in ("shoes", "light", "cups")]
    found = slices(asked, CATALOGUE, events, CUT, query_items=of)
    assert names([one for one in found if one.by == "demand"]) == {
        "head": [0],  # the middle of its share is .3, that of the next .8
        "tail": [1],
        "new": [2],
    }


@pytest.mark.parametrize("asked", [[], [occasion("boots", "boot")]])
def test_no_queries_and_no_log(asked: list[Occasion]) -> None:
    assert slices(asked, CATALOGUE, log(), CUT) == []
    assert slices(asked, Catalogue.from_items([]), log(), CUT) == []
