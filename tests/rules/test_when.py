"""For which requests a rule holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.query import Filters
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.when import Asked, QueryMatch, When, categories_of, normal
from search_rerank.rules.window import Window


def fits(text: str, **match: Any) -> bool:
    return QueryMatch.model_validate(match).holds(normal(text))


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        ({"exact": ["Red  boots"]}, ["red boots", " RED BOOTS "], ["red boots 42", "red", ""]),
        ({"exact": [""]}, ["", "  "], ["boots"]),
        ({"contains": ["boot"]}, ["red boots", "boot"], ["shoe", ""]),
        ({"contains": ["靴子"]}, ["红色靴子"], ["靴"]),
        ({"all_words": ["boots red"]}, ["red boots", "red winter boots"], ["redboots", "red boot"]),
        ({"pattern": ["red*"]}, ["red", "red boots"], ["a red boot"]),
        ({"pattern": ["*boots"]}, ["boots", "red boots"], ["boots red"]),
        ({"pattern": ["a*b*c"]}, ["abc", "a1b2c", "abbc"], ["acb", "ab", "abcd"]),
        ({"pattern": ["ab*ba"]}, ["abba", "ab ba"], ["aba"]),
        ({"pattern": ["boots"]}, ["Boots"], ["boots 42"]),
        ({"pattern": ["*"]}, ["", "x"], []),
        ({"pattern": ["a[bc].d"]}, ["a[bc].d"], ["ab1d"]),
        ({"exact": ["a"], "contains": ["b"]}, ["a", "xbx"], ["ac"]),
        ({"exact": ["ＢＯＯＴＳ"]}, ["boots"], []),
    ],
)
def test_what_was_typed(match: dict[str, list[str]], yes: list[str], no: list[str]) -> None:
    assert [text for text in [*yes, *no] if fits(text, **match)] == yes


@settings(deadline=None)
@given(parts=st.lists(st.text("ab", max_size=3), min_size=1, max_size=4), text=st.text("ab"))
def test_a_pattern_is_what_a_regular_expression_would_be(parts: list[str], text: str) -> None:
    import re

    pattern = "*".join(parts)
    if not pattern:
        return
    regular = re.fullmatch(".*".join(map(re.escape, parts)), text) is not None
    assert fits(text, pattern=[pattern]) == regular


def test_a_pattern_takes_linear_time() -> None:
    assert not fits("a" * 510 + "b", pattern=["*".join("a" * 250) + "c"])


def holds(when: dict[str, Any], **asked: Any) -> bool:
    request = Asked(**({"on": "search", "texts": ("",), "categories": (), "now_ms": 0} | asked))
    return When.model_validate(when).holds(request)


def test_any_text_that_was_searched_counts() -> None:
    when = {"query": {"exact": ["boots"]}}
    assert holds(when, texts=("bots", "boots")) and not holds(when, texts=("bots",))


def test_the_category_or_one_below_it() -> None:
    when = {"category": ["Shoes > Boots", "Hats"]}
    for categories in (["Shoes > Boots"], ["Shoes > Boots > Ankle"], ["Bags", "Hats"]):
        assert holds(when, categories=tuple(categories))
    for categories in ([], ["Shoes"], ["Shoes > Bootsy"], ["Hat"]):
        assert not holds(when, categories=tuple(categories))


def test_categories_are_those_that_every_item_must_have_one_of() -> None:
    shoes, hats = (Filters({"category": (name,)}) for name in ("Shoes", "Hats"))
    assert categories_of(Filters({"category": ("Bags",)}, all_of=(shoes,))) == ("Bags", "Shoes")
    assert categories_of(Filters(any_of=(shoes, hats), none_of=(hats,))) == ()


def test_endpoints() -> None:
    assert holds({}, on="recommend") and holds({"on": ["rerank"]}, on="rerank")
    assert not holds({"on": ["rerank"]}, on="search")


@pytest.mark.parametrize(
    ("when", "history", "basis", "expected"),
    [
        ({}, 0, None, True),
        ({"segments": ["new_visitor"]}, 0, "popularity", True),
        ({"segments": ["new_visitor"]}, 1, "history", False),
        ({"segments": ["known"]}, 1, "session", True),
        ({"basis": ["history", "session"]}, 1, "session", True),
        ({"basis": ["history"]}, 1, "session", False),
        ({"basis": ["history"]}, 0, None, False),
        ({"basis": ["session"], "segments": ["new_visitor"]}, 1, "session", False),
    ],
)
def test_who_asks(when: dict[str, Any], history: int, basis: Any, expected: bool) -> None:
    found = When.model_validate(when)
    assert found.holds_for(history, basis) == expected
    assert found.of_shopper == bool(when)


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def window(**fields: Any) -> Window:
    return Window.model_validate(fields)


def test_from_is_included_and_until_is_not() -> None:
    one = window(**{"from": "2026-03-01T00:00:00Z", "until": "2026-03-02T00:00:00Z"})
    assert not one.holds(at("2026-03-01") - 1) and one.holds(at("2026-03-01"))
    assert one.holds(at("2026-03-02") - 1) and not one.holds(at("2026-03-02"))
    assert one.over(at("2026-03-02")) and not one.over(at("2026-03-02") - 1)


def test_a_time_without_an_offset_is_of_the_zone() -> None:
    one = window(**{"from": "2026-07-01T00:00:00", "zone": "Europe/Vienna"})
    assert one.holds(at("2026-06-30T22:00:00")) and not one.holds(at("2026-06-30T21:59:59"))


def test_days_are_of_the_zone() -> None:
    monday = window(weekdays=["mon"], zone="Asia/Tokyo")
    assert monday.holds(at("2026-03-01T15:00:00"))  # a Sunday in London
    assert not monday.holds(at("2026-03-02T15:00:00"))


def test_hours_follow_the_clock_when_it_changes() -> None:
    noon = window(hours={"from": "12:00", "until": "13:00"}, zone="Europe/Vienna")
    for day in ("2026-03-28", "2026-03-29", "2026-10-25"):  # before, and the days of the change
        assert noon.holds(at(f"{day}T12:30:00", "Europe/Vienna"))
        assert not noon.holds(at(f"{day}T13:30:00", "Europe/Vienna"))


def test_hours_past_midnight_belong_to_the_day_they_began_on() -> None:
    night = window(weekdays=["fri"], hours={"from": "22:00", "until": "02:00"})
    for time, expected in {
        "2026-03-06T21:59": False,  # a Friday
        "2026-03-06T22:00": True,
        "2026-03-07T01:59": True,
        "2026-03-07T02:00": False,
        "2026-03-06T01:00": False,
        "2026-03-07T23:00": False,
    }.items():
        assert night.holds(at(time)) == expected, time


@settings(deadline=None)
@given(
    start=st.integers(0, 14 * 24),
    length=st.integers(-5, 9 * 24),
    days=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])),
    hours=st.none()
    | st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda one: one[0] != one[1]),
)
def test_never_is_what_holds_at_no_hour(
    start: int, length: int, days: set[str], hours: tuple[int, int] | None
) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=start)
    fields: dict[str, Any] = {"from": begin, "until": begin + timedelta(hours=length)}
    if hours is not None:
        fields["hours"] = {"from": f"{hours[0]:02}:00", "until": f"{hours[1]:02}:00"}
    one = window(**fields, weekdays=sorted(days))
    moments = (begin + timedelta(hours=n) for n in range(max(length, 0)))
    ever = any(one.holds(int(moment.timestamp() * 1000)) for moment in moments)
    assert one.never() == (not ever)


def test_for_ever_may_be_the_last_moment_there_is() -> None:
    days: dict[str, Any] = {"weekdays": ["mon"], "zone": "Asia/Tokyo"}
    one = window(**{"from": "2026-03-01T00:00:00", "until": "9999-12-31T23:59:59Z"}, **days)
    assert not one.never() and not one.over(at("2026-03-02"))


@pytest.mark.parametrize(
    "fields",
    [
        {"from": "0001-01-01T00:00:00", "until": "0001-01-03T00:00:00", "weekdays": ["mon"]},
        {"until": "1899-12-31T00:00:00"},
        {"from": "9999-12-30T00:00:00", "until": "9999-12-31T00:00:00", "weekdays": ["mon"]},
        {"zone": "Mars"},
        {"zone": "../etc/passwd"},
        {"zone": "Europe"},
        {"weekdays": ["monday"]},
        {"hours": {"from": "12:00", "until": "12:00"}},
        {"hours": {"from": "12:00+01:00", "until": "13:00"}},
        {"from": "yesterday"},
    ],
)
def test_what_is_no_window(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="zone|mon|hours|times such|datetime|year"):
        window(**fields)


TEXTS = ["", "boots", "red boots", "hats"]
MATCHES: list[dict[str, Any] | None] = [
    None,
    {"exact": ["boots", " Red  boots"]},
    {"exact": ["boots"]},
    {"exact": ["hats"], "contains": ["red"]},
    {"pattern": ["*"]},
    {"exact": [""]},
]


@settings(deadline=None)
@given(
    matches=st.lists(st.sampled_from(MATCHES), max_size=8),
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2),
)
def test_rules_are_found_by_their_texts(
    matches: list[dict[str, Any] | None], texts: list[str]
) -> None:
    rules = parse_rules(
        [
            {"id": f"r{n}", "kind": "cap", "by": "brand", "most": 1, "priority": n % 3,
             "when": {} if match is None else {"query": match}}
            for n, match in enumerate(matches)
        ]
    )  # fmt: skip
    asked = Asked("search", tuple(map(normal, texts)), (), 0)
    found = [rule for rule in rules.that_may_hold(asked.texts) if rule.when.holds(asked)]
    assert found == [rule for rule in rules.in_order if rule.when.holds(asked)]
