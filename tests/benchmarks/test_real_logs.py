"""What the benchmarks on real logs rest on: cuts, times, and that no place shown is seen."""

import numpy as np

from benchmarks import bestbuy
from benchmarks.bestbuy import occasions, parts, staged
from benchmarks.lists import Fixed
from benchmarks.ranklens import SHOWN, without_places
from search_rerank.data.bestbuy import Clicked
from search_rerank.data.event import Interaction
from search_rerank.features.table import FeatureTable
from search_rerank.query import Query


def clicked(n: int, asked_ms: int) -> Clicked:
    event = Interaction(id=str(n), time_ms=100 * n, user="u", item="a", type="click", query=f"q{n}")
    return Clicked(event, asked_ms)


def table(**columns: list[float]) -> FeatureTable:
    X = np.column_stack(list(columns.values())).astype(np.float32)
    n = len(X)
    return FeatureTable(tuple(columns), X, np.array([0, n]), np.arange(n, dtype=np.int32))


def test_cuts_are_at_60_and_80_of_100_clicks() -> None:
    cut = parts([clicked(n, 100 * n - 50) for n in range(1, 11)])
    assert [one.event.id for one in cut.train] == ["7", "8"]
    assert [one.event.id for one in cut.test] == ["9", "10"]
    assert (cut.train_ms, cut.test_ms) == (700, 900)


def test_an_occasion_is_at_the_time_of_the_query() -> None:
    asked = occasions([clicked(1, 90), clicked(2, 20)], ["a", "b"])
    assert [(one.query.text, one.query.now_ms) for one in asked] == [("q2", 20), ("q1", 90)]
    assert [(one.asked, one.gains) for one in asked] == [(["a", "b"], {"a": 1.0})] * 2


class ByColumn:
    def __init__(self, name: str) -> None:
        self.name = name

    def fuse(self, table: FeatureTable) -> np.ndarray:
        return table.column(self.name).astype(np.float64)


def test_trees_order_what_the_first_stage_lets_through(monkeypatch) -> None:
    monkeypatch.setattr(bestbuy, "SIZE", 2)
    rows = table(first=[1, 3, 2, 0], trees=[9, 1, 2, 8])
    scores = staged(ByColumn("first"), ByColumn("trees"))(rows)  # type: ignore[arg-type]
    assert np.argsort(-scores).tolist() == [2, 1, 0, 3]


def test_no_model_sees_the_place_shown() -> None:
    rows = table(**{SHOWN: [0, 1, 2], "same": [1, 1, 1], "x": [1, 2, np.nan], "y": [np.nan] * 3})
    assert without_places(rows).names == ("x",)


def test_candidates_that_are_fixed_keep_their_order() -> None:
    found = Fixed().score(Fixed().request(Query(text="q"), 5), ["b", "a"])
    assert found.ids == ["b", "a"]
    assert np.isnan(found.score).all() and np.isnan(found.lexical).all()
