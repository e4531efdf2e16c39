import numpy as np
import pytest

from benchmarks.seeded import Seeded
from search_rerank.features.table import FeatureTable
from search_rerank.occasions import Occasion
from search_rerank.query import Query
from search_rerank.replay import Replayed

N = 4
"""Candidates of each query; the last one is taken."""


def replayed(shoppers: list[str]) -> Replayed:
    groups = len(shoppers)
    right = np.tile([0, 0, 0, 1], groups).astype(np.float32)
    return Replayed(
        FeatureTable(
            ("right", "wrong"),
            np.column_stack([right, -right]),
            np.arange(groups + 1) * N,
            np.tile(np.arange(N, dtype=np.int32), groups),
        ),
        right,
        [[] for _ in shoppers],
        [Occasion(Query(text="x", user=user, now_ms=0), {"d": 1.0}) for user in shoppers],
        np.zeros(groups * N, dtype=np.int32),
        np.full(groups * N, -1, dtype=np.int32),
    )


def right(table: FeatureTable) -> np.ndarray:
    return table.column("right")


def wrong(table: FeatureTable) -> np.ndarray:
    return table.column("wrong")


def equal(table: FeatureTable) -> np.ndarray:
    return np.zeros(len(table))


LAST = 1 / np.log2(N + 1)
"""nDCG@10 of the only relevant item at the last place."""


def test_a_row_is_the_mean_over_seeds_and_says_how_far_they_lie_apart() -> None:
    seen = Seeded({"lucky": [right, wrong], "sure": [right, right]})
    for shoppers in (["ann", "bob"], ["ann"]):  # as they come from replay
        seen.add(replayed(shoppers))
    lucky, sure = seen.rows("{}_online")
    assert lucky["system"] == "lucky_online"
    assert lucky["nDCG@10"] == pytest.approx((1 + LAST) / 2)
    assert lucky["spread"] == pytest.approx(1 - LAST)
    assert (lucky["seeds"], lucky["queries"]) == (2, 3)
    assert (sure["nDCG@10"], sure["spread"]) == (1, 0)


def test_ties_are_broken_at_random_only_where_a_scorer_stands_alone() -> None:
    shoppers = [f"s{n}" for n in range(500)]
    seen = Seeded({"alone": [equal, equal], "fused": [equal, equal]}, frozenset({"alone"}))
    seen.add(replayed(shoppers))
    by_chance = np.mean([1 / np.log2(place + 2) for place in range(N)])
    assert seen.of("alone").mean() == pytest.approx(by_chance, abs=0.03)
    assert (seen.of("alone")[0] != seen.of("alone")[1]).any()
    np.testing.assert_allclose(seen.of("fused"), LAST)  # the engine had it last


def test_the_difference_of_two_systems_is_paired() -> None:
    seen = Seeded({"right": [right], "wrong": [wrong]})
    seen.add(replayed([f"s{n}" for n in range(20)]))
    found = seen.minus("right", "wrong")
    assert found["mean"] == pytest.approx(1 - LAST)
    assert found["ci95"] == pytest.approx([1 - LAST, 1 - LAST])
    assert found["p"] < 0.01
