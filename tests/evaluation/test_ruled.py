"""What rules make of lists of a replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_rerank.data.item import Item
from search_rerank.evaluation.collecting import Collected, System
from search_rerank.evaluation.ruled import Ruled, in_order_of
from search_rerank.features.table import FeatureTable
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed
from search_rerank.rules.reading import parse_rules

ITEMS = [Item(id=f"i{n}", title="x", brand="ab"[n % 2]) for n in range(6)]


def part(lists: list[list[int]], texts: list[str]) -> Replayed:
    """Return lists of item numbers as an engine ranked them; the last one of each was taken."""
    sizes = [len(one) for one in lists]
    table = FeatureTable(
        ("x",),
        np.zeros((sum(sizes), 1), dtype=np.float32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([np.arange(n) for n in sizes]).astype(np.int32),
    )
    gains = np.concatenate([np.eye(n, dtype=np.float32)[-1] for n in sizes])
    occasions = [Occasion(Query(text, f"u{n}"), {}) for n, text in enumerate(texts)]
    items = np.concatenate(lists).astype(np.int32)
    places = np.full(len(items), -1, dtype=np.int32)
    return Replayed(table, gains, [[] for _ in lists], occasions, items, places)


def ruled(rules: list[dict[str, Any]], of: Replayed, history: list[int] | None = None) -> Ruled:
    known = np.array(history or [0] * len(of.occasions))
    return Ruled(parse_rules(rules), ITEMS, of.occasions, known)


def lists(of: Replayed, scores: np.ndarray) -> list[list[int]]:
    found = []
    for begin, end in zip(of.table.offsets[:-1], of.table.offsets[1:], strict=True):
        order = np.argsort(-scores[begin:end], kind="stable")
        found.append(of.items[begin:end][order].tolist())
    return found


PIN = {"id": "pin", "kind": "pin", "places": {"i3": 1, "elsewhere": 2}}
HIDE = {"id": "hide", "kind": "hide", "where": {"terms": {"brand": "a"}}}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], [[0, 1, 2, 3], [3, 2]]),
        ([PIN], [[3, 0, 1, 2], [3, 2]]),
        ([HIDE], [[1, 3, 0, 2], [3, 2]]),
        ([PIN | {"when": {"query": {"exact": ["hat"]}}}], [[0, 1, 2, 3], [3, 2]]),
        (
            [{"id": "c", "kind": "cap", "by": "brand", "most": 1, "first": 2}],
            [[0, 1, 2, 3], [3, 2]],
        ),
        (
            [{"id": "b", "kind": "boost", "where": {"terms": {"id": ["i2", "i3"]}}, "places": 1}],
            [[0, 2, 1, 3], [3, 2]],
        ),
    ],
)
def test_lists_in_the_order_of_rules(
    rules: list[dict[str, Any]], expected: list[list[int]]
) -> None:
    of = part([[0, 1, 2, 3], [3, 2]], ["shoe", "boot"])
    falling = -of.table.engine_rank.astype(np.float64)
    assert lists(of, ruled(rules, of)(of, falling)) == expected


def test_ties_and_missing_scores_go_by_the_engine() -> None:
    of = part([[0, 1, 2, 3]], ["shoe"])
    scores = np.array([1.0, 2.0, 1.0, 2.0])
    assert lists(of, ruled([], of)(of, scores)) == [[1, 3, 0, 2]]


def test_items_that_the_catalogue_does_not_hold_are_of_no_brand() -> None:
    of = part([[-1, 0, 1]], ["shoe"])
    only = {"id": "f", "kind": "filter", "where": {"terms": {"brand": "b"}}}
    assert lists(of, ruled([only], of)(of, np.array([3.0, 2.0, 1.0]))) == [[1, -1, 0]]


def test_who_is_known_is_known_by_the_log() -> None:
    of = part([[0, 1], [0, 1]], ["shoe", "shoe"])
    rule = PIN | {"places": {"i1": 1}, "when": {"segments": ["known"]}}
    falling = -of.table.engine_rank.astype(np.float64)
    assert lists(of, ruled([rule], of, [0, 2])(of, falling)) == [[0, 1], [1, 0]]


def test_the_measure_is_that_of_the_rules_order() -> None:
    of = part([[0, 1, 2, 3]], ["shoe"])
    engine = System(lambda table: -table.engine_rank.astype(np.float64))
    systems = {"engine": engine, "ruled": System(engine.scores, then=ruled([PIN], of))}
    found = Collected(systems, 1, 3)
    found.add(of, np.random.default_rng(0))
    assert found.values()["ruled"]["nDCG@10"][0] == pytest.approx(1)
    assert found.values()["engine"]["nDCG@10"][0] == pytest.approx(1 / np.log2(5))
    assert found.lists()["ruled"].tolist() == [[3, 0, 1]]


def test_items_in_the_order_of_the_catalogue() -> None:
    assert in_order_of(["i3", "i0"], ITEMS) == [ITEMS[3], ITEMS[0]]
