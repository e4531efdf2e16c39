"""Which ranking led to what, and how long a click was looked at, by logs small enough to read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_rerank.config.labels import LabelsConfig
from search_rerank.data.events import Events
from search_rerank.labels.attribution import credited, dwell_times_s, strengths
from search_rerank.occasions import Occasion, from_log
from search_rerank.query import Query
from tests.spine.test_occasions import BUY, CLICK, GAINS, log, ranking

DAY_MS = 86_400_000
ANN = {"user": "ann", "session": "of ann"}
LATER = BUY | {"user": "ann", "session": "next day", "item": "boot"}


def led(events: Events, days: float = 7.0, touch: str = "click") -> list[int]:
    return credited(events, days, touch).tolist()


def test_a_purchase_a_day_later_is_credited_to_the_ranking_that_was_clicked() -> None:
    events = log(
        ranking("r1", 100, "boots", "shoe", "boot"),
        CLICK | ANN | {"timestamp": 150, "item": "boot", "ranking": "r1"},
        ranking("r2", 200, "all", "lamp", "boot"),
        LATER | {"timestamp": DAY_MS},
    )
    assert led(events) == [0, 0]
    assert led(events, touch="impression") == [0, 1]
    assert led(events, days=0) == [0, -1]


def test_without_a_click_the_newest_ranking_that_showed_the_item_led_to_it() -> None:
    events = log(
        ranking("r1", 100, "boots", "boot"),
        ranking("r2", 200, "all", "lamp", "boot"),
        ranking("r3", 300, "lamps", "lamp"),  # does not show it
        ranking("r4", 400, "boots", "boot", user="bob"),  # not to her
        LATER | {"timestamp": 500},
        ranking("r5", 600, "boots", "boot"),  # not yet
    )
    assert led(events) == [1]


def test_what_is_too_long_ago_led_to_nothing() -> None:
    events = log(
        ranking("r1", 0, "boots", "boot"),
        CLICK | ANN | {"timestamp": DAY_MS, "item": "boot", "ranking": "r1"},
        LATER | {"timestamp": 7 * DAY_MS},
        LATER | {"timestamp": 7 * DAY_MS + 1},
    )
    assert led(events) == [0, 0, -1]
    assert led(events, touch="impression") == [0, 0, -1]


def test_a_visitor_is_known_by_the_session() -> None:
    shown = ranking("r1", 100, "boots", "boot") | {"user": None, "session": "s"}
    events = log(
        shown,
        BUY | {"session": "s", "timestamp": 150, "item": "boot"},
        BUY | {"session": "t", "timestamp": 160, "item": "boot"},
        BUY | {"user": "ann", "session": "s", "timestamp": 170, "item": "boot"},  # has signed in
    )
    assert led(events) == [0, -1, 0]


def test_nothing_is_credited_in_a_log_without_rankings() -> None:
    events = log(LATER | {"timestamp": 5})
    assert led(events) == [-1]


def test_crediting_agrees_with_reading_the_log_line_by_line() -> None:
    rng = np.random.default_rng(0)
    users, items = ["ann", "bob", "eve"], ["boot", "shoe", "lamp", "mug"]
    rows: list[dict[str, Any]] = []
    for n in range(120):
        user, at = str(rng.choice(users)), int(rng.integers(0, 20)) * DAY_MS
        if rng.random() < 0.5:
            shown = [str(one) for one in rng.permutation(items)[: rng.integers(1, 4)]]
            rows.append(ranking(f"r{n}", at, "q", *shown, user=user) | {"session": None})
        else:
            rows.append(BUY | {"user": user, "timestamp": at, "item": str(rng.choice(items))})
    events = log(*rows)
    shown = events.rankings
    expected = []
    for user, item, at in zip(events.user, events.item, events.time_ms, strict=True):
        fits = [
            j
            for j in range(len(shown))
            if shown.user[j] == user
            and item in shown.items(j)
            and at - 7 * DAY_MS <= shown.time_ms[j] <= at
        ]
        expected.append(max(fits, default=-1))
    assert led(events) == expected
    assert -1 in expected and max(expected) > 0


def test_a_credited_purchase_is_part_of_the_rankings_occasion() -> None:
    events = log(
        ranking("r1", 100, "boots", "shoe", "boot"),
        CLICK | ANN | {"timestamp": 150, "item": "shoe", "ranking": "r1"},
        LATER | {"timestamp": DAY_MS},
    )
    asked = Query(text="boots", user="ann", session="of ann", k=7, now_ms=100)
    were = ("shoe", "boot")
    found = from_log(events, 0, 2 * DAY_MS, GAINS, 7, labels=LabelsConfig())
    assert found == [Occasion(asked, {"shoe": 1.0, "boot": 3.0}, shown=were, ranking="r1")]
    before = from_log(events, 0, DAY_MS, GAINS, 7, labels=LabelsConfig())
    assert before == [Occasion(asked, {"shoe": 1.0}, shown=were, ranking="r1")]


def test_a_ranking_that_led_only_to_a_later_purchase_was_asked_as_it_says() -> None:
    events = log(ranking("r1", 100, "boots", "boot"), LATER | {"timestamp": DAY_MS})
    (found,) = from_log(events, 0, 2 * DAY_MS, GAINS, 7, labels=LabelsConfig())
    assert found.query == Query(text="boots", user="ann", session="of ann", k=7, now_ms=100)


def dwelling() -> Events:
    return log(
        ranking("r1", 0, "boots", "boot", "shoe", "lamp"),
        CLICK | ANN | {"timestamp": 1_000, "item": "boot", "ranking": "r1"},
        CLICK | ANN | {"timestamp": 5_000, "item": "shoe", "ranking": "r1"},
        CLICK | {"user": "bob", "timestamp": 6_000, "item": "boot"},
        ranking("r2", 65_000, "mugs", "mug"),
        CLICK | ANN | {"timestamp": 70_000, "item": "mug", "ranking": "r2"},
        BUY | ANN | {"timestamp": 9_999_000, "item": "mug", "ranking": "r2"},
    )


def test_the_dwell_time_runs_to_the_shoppers_next_event() -> None:
    seconds = dwell_times_s(dwelling(), cap_s=1800)
    nan = float("nan")
    # Of the shoe it ends with the next search, of the mug with the cap; nothing follows the rest.
    assert seconds.tolist() == pytest.approx([4, 60, nan, 1800, nan], nan_ok=True)


def test_short_clicks_count_less_and_long_ones_more() -> None:
    config = LabelsConfig(
        short_dwell_s=10, short_dwell_gain=0.25, long_dwell_s=60, long_dwell_gain=1.5
    )
    found = strengths(dwelling(), GAINS, config)
    assert found.tolist() == [1 * 0.25, 1 * 1.5, 1.0, 1 * 1.5, 3.0]


def test_dwell_times_count_nothing_where_nothing_is_said_of_them() -> None:
    assert strengths(dwelling(), GAINS, LabelsConfig()).tolist() == [1, 1, 1, 1, 3]
