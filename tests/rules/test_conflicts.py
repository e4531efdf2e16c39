"""What is told of rules that contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from search_rerank.data.item import Item
from search_rerank.rules.conflicts import conflicts
from search_rerank.rules.indexed import Indexed
from search_rerank.rules.meeting import disjoint, may_meet
from search_rerank.rules.reading import parse_rules
from search_rerank.rules.when import When
from search_rerank.rules.where import Where

NOW_MS = 1_767_225_600_000  # 1 January 2026
LATER = {"from": "2026-06-01T00:00:00Z", "until": "2026-07-01T00:00:00Z"}
SOONER = {"from": "2026-02-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"}
OVER = {"until": "2025-12-31T00:00:00Z"}


def pin(id_: str, places: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "pin", "places": places} | more


def on(id_: str, kind: str, terms: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": kind, "where": {"terms": terms}} | more


def exact(*texts: str) -> dict[str, Any]:
    return {"when": {"query": {"exact": list(texts)}}}


def share(id_: str, brand: str, of: float, **more: Any) -> dict[str, Any]:
    return on(id_, "exposure", {"brand": brand}, share=of, **more)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], []),
        ([pin("a", {"p": 1}), pin("b", {"q": 2})], []),
        ([pin("a", {"p": 1}), pin("a", {"q": 2})], [("error", "duplicate", "a")]),
        ([pin("a", {"p": 1}), pin("b", {"q": 1})], [("error", "place", "ab")]),
        ([pin("a", {"p": 1}), pin("b", {"p": 1})], []),
        ([pin("a", {"p": 1}, priority=1), pin("b", {"q": 1})], [("warning", "place", "ab")]),
        ([pin("a", {"p": 1}), pin("b", {"q": 1}, enabled=False)], []),
        ([pin("a", {"p": 1}), pin("b", {"p": 2})], [("error", "item", "ab")]),
        ([pin("a", {"p": 1}, **exact("x")), pin("b", {"q": 1}, **exact("y"))], []),
        (
            [pin("a", {"p": 1}, **exact("x", "z")), pin("b", {"q": 1}, **exact("y", "Z"))],
            [("error", "place", "ab")],
        ),
        (
            [
                pin("a", {"p": 1}, **exact("red boots")),
                pin("b", {"q": 1}, when={"query": {"contains": ["boot"]}}),
                pin("c", {"r": 1}, when={"query": {"contains": ["shoe"]}}, priority=9),
            ],
            [("error", "place", "ab"), ("warning", "place", "bc")],
        ),
        (
            [pin("a", {"p": 1}, when={"time": LATER}), pin("b", {"q": 1}, when={"time": SOONER})],
            [],
        ),
        (
            [
                pin("a", {"p": 1}, when={"segments": ["known"]}),
                pin("b", {"q": 1}, when={"segments": ["new_visitor"]}),
            ],
            [],
        ),
        (
            [
                pin("a", {"p": 1}, when={"on": ["search"]}),
                pin("b", {"q": 1}, when={"on": ["rerank", "recommend"]}),
            ],
            [],
        ),
        (
            [pin("a", {"p": 1}), on("b", "hide", {"id": ["p", "q"]})],
            [("warning", "removed", "ab")],
        ),
        ([pin("a", {"p": 1}), on("b", "filter", {"id": "q"})], [("warning", "removed", "ab")]),
        ([pin("a", {"p": 1}), on("b", "hide", {"brand": "Acme"})], []),
        (
            [on("a", "hide", {"brand": "Acme"}), on("b", "filter", {"brand": "Acme"})],
            [("error", "contradiction", "ab")],
        ),
        (
            [on("a", "filter", {"brand": "Acme"}), on("b", "filter", {"brand": "Boreal"})],
            [("error", "contradiction", "ab")],
        ),
        (
            [
                on("a", "filter", {"brand": "Acme"}, **exact("x")),
                on("b", "filter", {"brand": "Boreal"}),
            ],
            [("warning", "contradiction", "ab")],
        ),
        ([on("a", "filter", {"category": "A"}), on("b", "filter", {"category": "B"})], []),
        (
            [on("a", "boost", {"brand": "Acme"}), on("b", "bury", {"brand": "Acme"})],
            [("error", "contradiction", "ab")],
        ),
        (
            [on("a", "boost", {"brand": "Acme"}), on("b", "bury", {"brand": "Acme"}, priority=1)],
            [("warning", "contradiction", "ab")],
        ),
        ([on("a", "boost", {"brand": "Acme"}), on("b", "boost", {"brand": "Acme"})], []),
        ([share("a", "Acme", 0.6), share("b", "Boreal", 0.4)], []),
        ([share("a", "Acme", 0.6), share("b", "Boreal", 0.5)], [("error", "share", "ab")]),
        ([share("a", "Acme", 0.6), share("b", "Boreal", 0.5, first=20)], []),
        (
            [share("a", "Acme", 0.6), share("b", "Boreal", 0.5, **exact("x"))],
            [("error", "share", "ab")],
        ),
        ([share("a", "Acme", 0.6), on("b", "exposure", {"category": "B"}, share=0.5)], []),
        ([pin("a", {"p": 1}, when={"time": OVER})], [("warning", "time", "a")]),
        (
            [pin("a", {"p": 1}, when={"time": {**LATER, "until": LATER["from"]}})],
            [("error", "time", "a")],
        ),
    ],
)
def test_conflicts(rules: list[dict[str, Any]], expected: list[tuple[str, str, str]]) -> None:
    found = conflicts(parse_rules(rules), NOW_MS)
    told = [(one.level, one.kind, "".join(sorted(one.rules))) for one in found]
    assert told == expected
    assert all(one.message for one in found)


def test_of_pinned_items_what_the_index_says() -> None:
    acme = {name: Item(id=name, title="x", brand="Acme") for name in ("p", "q", "r")}
    rules = [
        pin("a", {"p": 1, "q": 2, "r": 30, "gone": 3}),
        {"id": "b", "kind": "cap", "by": "brand", "most": 1, "first": 10},
        on("c", "hide", {"brand": "Acme"}, **exact("x")),
        {"id": "d", "kind": "cap", "by": "brand", "most": 2, "first": 10},
    ]
    found = conflicts(parse_rules(rules), NOW_MS, Indexed({**acme, "gone": None}))
    assert sorted((one.level, one.kind, "".join(one.rules)) for one in found) == [
        ("warning", "cap", "ab"),
        ("warning", "missing", "a"),
        *3 * [("warning", "removed", "ac")],
    ]
    (cap,) = (one for one in found if one.kind == "cap")
    assert "2 of 'Acme' are pinned among the first 10, the cap is 1" in cap.message


COLR = {"terms": {"attributes.colr": "Red"}}


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"kind": "boost", "where": {"terms": {"attributes.colour": "Red"}}}, []),
        ({"kind": "boost", "where": COLR}, ["colr"]),
        ({"kind": "boost", "where": COLR, "enabled": False}, []),
        ({"kind": "hide", "where": {"none_of": [{"any_of": [COLR, COLR]}]}}, ["colr"]),
        ({"kind": "filter", "where": {"ranges": {"attributes.sze": {"gte": 4}}}}, ["sze"]),
        ({"kind": "exposure", "where": COLR, "share": 0.5}, ["colr"]),
        ({"kind": "cap", "by": "attributes.colr", "most": 1}, ["colr"]),
        ({"kind": "cap", "by": "brand", "most": 1}, []),
        ({"kind": "diversify", "by": "attributes.zzz"}, ["zzz"]),
        ({"kind": "favour", "by": "attributes.sze"}, ["sze"]),
    ],
)
def test_attributes_that_no_item_has_are_told(rule: dict[str, Any], named: list[str]) -> None:
    rules = parse_rules([{"id": "a"} | rule])
    assert conflicts(rules) == []
    found = conflicts(rules, NOW_MS, Indexed(attributes=("colour", "size")))
    meant = {
        "colr": "; did you mean 'attributes.colour'?",
        "sze": "; did you mean 'attributes.size'?",
    }
    start = "no item of the index has 'attributes.{}': the rule finds nothing in it"
    assert [one.message for one in found] == [
        start.format(name) + meant.get(name, "") for name in named
    ]
    assert {(one.level, one.kind, one.rules) for one in found} <= {("warning", "attribute", ("a",))}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"terms": {"brand": ["A", "B"]}}, {"terms": {"brand": ["C"]}}, True),
        ({"terms": {"brand": ["A", "B"]}}, {"terms": {"brand": ["B"]}}, False),
        ({"terms": {"attributes.x": "A"}}, {"terms": {"attributes.x": "B"}}, False),
        ({"ranges": {"price": {"lte": 5}}}, {"ranges": {"price": {"gte": 6}}}, True),
        ({"ranges": {"price": {"lte": 5}}}, {"ranges": {"price": {"gte": 5}}}, False),
        ({"ranges": {"price": {"lte": 5}}}, {"ranges": {"price": {}}}, False),
        ({"ranges": {"price": {"lte": 5}}}, {"ranges": {"rating": {"gte": 6}}}, False),
    ],
)
def test_what_no_item_can_meet_both_of(
    one: dict[str, Any], other: dict[str, Any], expected: bool
) -> None:
    mine, theirs = (Where.model_validate(where).filters for where in (one, other))
    assert disjoint(mine, theirs) == disjoint(theirs, mine) == expected


def test_what_cannot_be_told_may_meet() -> None:
    one = When.model_validate({"query": {"pattern": ["a*"]}})
    other = When.model_validate({"query": {"contains": ["b"]}})
    assert may_meet(one, other) and may_meet(one, When())


def test_many_rules_take_no_long_time() -> None:
    rules = [pin(f"r{n}", {f"p{n}": 1}, **exact(f"query {n}")) for n in range(500)]
    rules += [on(f"h{n}", "hide", {"id": f"p{n}"}) for n in range(500)]
    assert len(conflicts(parse_rules(rules))) == 100
    many = {"any_of": [{"terms": {f"attributes.x{n}": "y"}} for n in range(30)]}
    rules = [{"id": f"b{n}", "kind": "boost", "where": many} for n in range(500)]
    known = Indexed(attributes=[f"attribute {n}" for n in range(500)])
    assert len(conflicts(parse_rules(rules), NOW_MS, known)) == 100
