"""Which moments of a log are queries that we know the outcome of, by logs small enough to read."""

from __future__ import annotations

from typing import Any

import pytest

from search_rerank.data.event import parse_event
from search_rerank.data.events import Events
from search_rerank.data.ids import IdMap
from search_rerank.occasions import Occasion, from_log, from_protocol
from search_rerank.query import Query

GAINS = {"click": 1.0, "cart": 2.0, "purchase": 3.0}
ITEMS = IdMap(["boot", "shoe", "lamp", "mug"])
EVER = 10_000
CLICK = {"event": "interaction", "type": "click"}
BUY = {"event": "interaction", "type": "purchase"}


def log(*rows: dict[str, Any]) -> Events:
    events = (parse_event({"id": f"n{n}", **row}) for n, row in enumerate(rows))
    return Events.from_events([event for event in events if event is not None], ITEMS)


def occasions(events: Events, start_ms: int = 0, end_ms: int = EVER, **more: Any) -> list[Occasion]:
    return from_log(events, start_ms, end_ms, GAINS, 7, **more)


def ranking(id_: str, at: int, query: str, *items: str, user: str = "ann") -> dict[str, Any]:
    shown = {"event": "ranking", "id": id_, "timestamp": at, "query": query, "user": user}
    return shown | {"session": f"of {user}", "items": list(items)}


def test_interactions_with_one_ranking_are_one_occasion_at_its_time() -> None:
    events = log(
        ranking("r1", 100, "boots", "shoe", "boot", "lamp"),
        CLICK | {"timestamp": 150, "user": "ann", "item": "boot", "ranking": "r1"},
        BUY | {"timestamp": 190, "user": "ann", "item": "boot", "ranking": "r1"},
        CLICK | {"timestamp": 170, "user": "ann", "item": "lamp", "ranking": "r1"},
        ranking("r2", 160, "mugs", "mug"),
    )
    asked = Query(text="boots", user="ann", k=7, now_ms=100)
    were = ("shoe", "boot", "lamp")
    taken = {"boot": 3.0, "lamp": 1.0}
    assert occasions(events) == [Occasion(asked, taken, shown=were, ranking="r1")]
    assert occasions(events, shown=True) == [Occasion(asked, taken, were, shown=were, ranking="r1")]


def test_a_later_page_begins_where_its_id_tells() -> None:
    page = f"{'0' * 32}.20"
    events = log(
        ranking(page, 100, "boots", "shoe", "boot"),
        CLICK | {"timestamp": 150, "user": "ann", "item": "boot", "ranking": page},
    )
    (found,) = occasions(events)
    assert (found.shown, found.first) == (("shoe", "boot"), 20)
    assert events.rankings.place.tolist() == [20, 21]


def test_the_session_of_the_interaction_is_asked_for() -> None:
    events = log(
        ranking("r1", 100, "boots", "boot", user="ann"),
        CLICK | {"timestamp": 150, "user": "ann", "session": "s", "item": "boot", "ranking": "r1"},
    )
    assert occasions(events)[0].query.session == "s"


def test_the_window_holds_its_start_and_not_its_end() -> None:
    events = log(
        ranking("r1", 100, "boots", "boot"),
        ranking("r2", 200, "mugs", "mug"),
        CLICK | {"timestamp": 150, "user": "ann", "item": "boot", "ranking": "r1"},
        CLICK | {"timestamp": 200, "user": "ann", "item": "mug", "ranking": "r2"},
    )
    assert [one.query.text for one in occasions(events, 100, 200)] == ["boots"]
    assert [one.query.text for one in occasions(events, 101, 201)] == ["mugs"]


def test_without_rankings_a_shopper_session_and_query_are_one_occasion_at_the_first() -> None:
    ann = {"user": "ann", "session": "s1", "query": "boots"}
    events = log(
        BUY | ann | {"timestamp": 130, "item": "boot"},
        CLICK | ann | {"timestamp": 120, "item": "boot"},
        CLICK | ann | {"timestamp": 140, "item": "shoe"},
        CLICK | ann | {"timestamp": 150, "item": "mug", "session": "s2"},
        CLICK | ann | {"timestamp": 160, "item": "mug", "query": "mugs"},
        CLICK | {"timestamp": 170, "item": "boot", "session": "s1", "query": "boots"},
    )
    assert occasions(events) == [
        Occasion(Query("boots", "ann", "s1", k=7, now_ms=120), {"boot": 3.0, "shoe": 1.0}),
        Occasion(Query("boots", "ann", "s2", k=7, now_ms=150), {"mug": 1.0}),
        Occasion(Query("mugs", "ann", "s1", k=7, now_ms=160), {"mug": 1.0}),
        Occasion(Query("boots", None, "s1", k=7, now_ms=170), {"boot": 1.0}),
    ]


def test_the_same_question_after_half_an_hour_is_another_occasion() -> None:
    half = 30 * 60 * 1000
    asked = CLICK | {"user": "ann", "query": "boots"}
    events = log(
        asked | {"timestamp": 100, "item": "boot"},
        asked | {"timestamp": 100 + half, "item": "shoe"},  # still the same visit
        asked | {"timestamp": 101 + 2 * half, "item": "lamp"},
    )
    found = occasions(events, end_ms=10 * half)
    assert [(one.query.now_ms, set(one.gains)) for one in found] == [
        (100, {"boot", "shoe"}),
        (101 + 2 * half, {"lamp"}),
    ]


def test_what_came_after_the_window_does_not_teach() -> None:
    events = log(
        ranking("r1", 100, "boots", "boot", "shoe"),
        CLICK | {"timestamp": 150, "user": "ann", "item": "boot", "ranking": "r1"},
        BUY | {"timestamp": 200, "user": "ann", "item": "shoe", "ranking": "r1"},
    )
    assert [one.gains for one in occasions(events, end_ms=200)] == [{"boot": 1.0}]


def test_a_log_without_queries_is_browsing_one_interaction_each() -> None:
    events = log(
        BUY | {"timestamp": 100, "user": "ann", "item": "boot"},
        BUY | {"timestamp": 100, "user": "ann", "item": "mug"},
        BUY | {"timestamp": 120, "user": "bob", "item": "boot"},
    )
    assert occasions(events) == [
        Occasion(Query("", "ann", k=7, now_ms=100), {"boot": 3.0}),
        Occasion(Query("", "ann", k=7, now_ms=100), {"mug": 3.0}),
        Occasion(Query("", "bob", k=7, now_ms=120), {"boot": 3.0}),
    ]


def test_direct_purchases_beside_rankings_are_no_occasion() -> None:
    events = log(
        ranking("r1", 100, "boots", "boot"),
        CLICK | {"timestamp": 150, "user": "ann", "item": "boot", "ranking": "r1"},
        BUY | {"timestamp": 160, "user": "ann", "item": "mug"},
        BUY | {"timestamp": 170, "user": "ann", "item": "mug", "ranking": "of yesterday's log"},
    )
    assert [one.gains for one in occasions(events)] == [{"boot": 1.0}]


def test_types_without_gain_make_no_occasion() -> None:
    row = {"timestamp": 100, "user": "ann", "item": "boot", "query": "boots"}
    assert occasions(log(CLICK | row | {"type": "wish"})) == []


PAST = [
    BUY | {"timestamp": 10, "user": "ann", "item": "boot"},
    BUY | {"timestamp": 20, "user": "bob", "item": "shoe"},
    BUY | {"timestamp": 30, "user": "bob", "item": "lamp"},
]
ASKS = {"shoes": ["boot", "shoe"], "all": ["boot", "shoe", "lamp", "mug"], "lamps": ["lamp"]}


def protocol(*rows: dict[str, Any], **more: Any) -> list[Occasion]:
    return from_protocol(log(*PAST, *rows), ASKS, 100, 200, GAINS, 7, **more)


def test_one_occasion_for_each_query_that_holds_the_item() -> None:
    found = protocol(BUY | {"timestamp": 100, "user": "ann", "item": "shoe"})
    assert found == [
        Occasion(
            Query(text, "ann", k=7, now_ms=100), {"shoe": 3.0}, ASKS[text], frozenset({"boot"})
        )
        for text in ("shoes", "all")
    ]


def test_the_whole_catalogue_leaves_the_candidates_to_the_engine() -> None:
    bought = BUY | {"timestamp": 100, "user": "ann", "item": "shoe"}
    found = protocol(bought, whole_catalogue=True)
    assert [(one.query.text, one.asked) for one in found] == [("shoes", None), ("all", None)]


@pytest.mark.parametrize(
    ("why", "row"),
    [
        ("an unknown user", {"timestamp": 150, "user": "eve", "item": "shoe"}),
        ("an unknown item", {"timestamp": 150, "user": "ann", "item": "mug"}),
        ("an item the user has", {"timestamp": 150, "user": "ann", "item": "boot"}),
        ("before the window", {"timestamp": 99, "user": "ann", "item": "shoe"}),
        ("after the window", {"timestamp": 200, "user": "ann", "item": "shoe"}),
    ],
)
def test_what_the_protocol_leaves_out(why: str, row: dict[str, Any]) -> None:
    assert protocol(BUY | row) == [], why


def test_what_was_bought_within_the_window_stays_unseen() -> None:
    """The state is frozen at the cut, and so is what counts as seen."""
    found = protocol(
        BUY | {"timestamp": 110, "user": "ann", "item": "shoe"},
        BUY | {"timestamp": 120, "user": "ann", "item": "lamp"},
    )
    assert {one.seen for one in found} == {frozenset({"boot"})}
