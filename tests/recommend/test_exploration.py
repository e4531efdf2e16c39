"""New items get a chance that is bounded, stable for a day, and can be switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.config import ExplorationConfig
from search_rerank.exploration import explore, is_new, seed_of
from search_rerank.features.moment import read_moment
from search_rerank.newcomers import Newcomers
from search_rerank.query import Candidates, Query
from search_rerank.recommend.request import Recommend
from search_rerank.state.memory import MemoryState
from tests.recommend.corner import DAY_MS, NEW, NOW_MS, Corner, bundle, did, ids, of

ON = ExplorationConfig()


@given(
    new=st.lists(st.booleans(), max_size=80),
    slots=st.integers(0, 10),
    first_place=st.integers(1, 40),
    reach=st.integers(1, 90),
    seed=st.integers(0, 2**32),
)
def test_a_bounded_permutation(
    new: list[bool], slots: int, first_place: int, reach: int, seed: int
) -> None:
    settings = ExplorationConfig(slots=slots, first_place=first_place, reach=reach)
    before = np.random.default_rng(seed).permutation(len(new))
    mask = np.array(new, dtype=bool)
    after, explored = explore(before, mask, settings, seed)
    assert sorted(after.tolist()) == sorted(before.tolist())
    was = {row: place for place, row in enumerate(before.tolist())}
    place = {row: place for place, row in enumerate(after.tolist())}
    for row in explored:
        assert mask[row]
        assert place[row] < was[row] < reach
        assert place[row] >= first_place - 1
    for start in range(0, len(new), 10):
        ten = after[start : start + 10].tolist()
        assert sum(row in explored for row in ten) <= slots
    others = [row for row in before.tolist() if row not in explored]
    assert [row for row in after.tolist() if row not in explored] == others
    above = first_place - 1
    assert after[:above].tolist() == before[:above].tolist()
    if slots == 0:
        assert explored == [] and after.tolist() == before.tolist()
    again, same = explore(before, mask, settings, seed)
    assert again.tolist() == after.tolist() and same == explored


def test_each_ten_takes_from_below_it() -> None:
    order = np.arange(40)
    new = np.zeros(40, dtype=bool)
    new[[12, 25, 33]] = True
    tens = {}
    for seed in range(50):
        after, explored = explore(order, new, ON, seed)
        tens[tuple(explored)] = [after.tolist().index(row) // 10 for row in explored]
    # The first ten draws one of the three; a ten whose own one is still there takes none.
    assert tens == {
        (12, 25, 33): [0, 1, 2],
        (12, 33): [0, 1],
        (25, 33): [0, 2],
        (33,): [0],
    }


def test_a_ten_that_has_new_ones_needs_no_more() -> None:
    order, new = np.arange(20), np.zeros(20, dtype=bool)
    new[[2, 15]] = True
    assert explore(order, new, ON, 0)[1] == []
    assert explore(order, new, ExplorationConfig(slots=2), 0)[1] == [15]


def test_the_draw_turns() -> None:
    """Of many new items each has its day, and the best are those that are drawn among."""
    order, new = np.arange(100), np.arange(100) >= 10
    risen = {row for seed in range(200) for row in explore(order, new, ON, seed)[1]}
    assert risen == {10, 11, 12, 13, 14}
    places = {
        explore(order, new, ON, seed)[0].tolist().index(row)
        for seed in range(200)
        for row in explore(order, new, ON, seed)[1]
    }
    assert places == set(range(3, 10))


def test_the_seed_is_the_shopper_s_for_a_day() -> None:
    midnight = NOW_MS // DAY_MS * DAY_MS
    query = Query("red  Boots", user="ann", now_ms=midnight)
    one = seed_of(query, True)
    assert one == seed_of(replace(query, text="Red boots ", now_ms=midnight + DAY_MS - 1), True)
    others = [
        replace(query, now_ms=midnight + DAY_MS),
        replace(query, user="bob"),
        replace(query, text="red boot"),
        replace(query, filters=of(brand="x")),
    ]
    assert all(seed_of(other, True) != one for other in others)
    assert seed_of(query, False) == seed_of(replace(query, user="bob"), False)


def test_what_is_new() -> None:
    """Unknown to the bundle or added lately, and little done with it; never merely unsold."""
    learnt = bundle()
    state = MemoryState({"click": 1.0})
    state.append([did(f"u{n}", "new1", 1) for n in range(4)])
    state.append([did(f"u{n}", "new2", 1) for n in range(6)])
    state.append([did(f"u{n}", "lamp2", 1) for n in range(6)])
    asked = ["new0", "new1", "new2", "lamp5", "lamp6", "lamp2"]
    flat = np.zeros(len(asked), dtype=np.float32)
    moment = read_moment(
        Query(now_ms=NOW_MS),
        Candidates(asked, flat, flat, flat),
        learnt.catalogue,
        state,
        {},
        10,
    )
    expected = [True, True, False, False, True, False]
    assert is_new(moment, ON, {"lamp6", "lamp2"}).tolist() == expected


class TestInTheShop:
    def test_a_new_item_rises_in_search_and_in_personal(self, corner: Corner) -> None:
        corner.when(did("ann", "boot3", 1))
        pipeline, still = corner.pipeline(bundle()), corner.pipeline(bundle(), exploration=OFF)
        for with_new, without in (
            (pipeline.search(QUERY), still.search(QUERY)),
            (pipeline.recommend(ANN), still.recommend(ANN)),
        ):
            (hit,) = [hit for hit in with_new.hits if hit.explored]
            assert hit.id == NEW
            assert 3 <= ids(with_new).index(NEW) < 10 <= ids(without).index(NEW)
            assert not any(hit.explored for hit in without.hits)
            rest = [id_ for id_ in ids(with_new) if id_ != NEW]
            assert rest == [id_ for id_ in ids(without) if id_ != NEW]
            assert with_new.degraded == without.degraded == []
        assert pipeline.search(QUERY).hits == pipeline.search(QUERY).hits

    def test_it_stops_once_enough_was_done_with_it(self, corner: Corner) -> None:
        corner.when(*(did(f"u{n}", NEW, 0.1) for n in range(7)))
        assert not any(hit.explored for hit in corner.pipeline(bundle()).search(QUERY).hits)

    def test_only_rankings_are_explored(self, corner: Corner) -> None:
        from search_rerank.query import Sort

        corner.when(did("ann", "boot3", 1))
        pipeline = corner.pipeline(bundle())
        for answer in (
            pipeline.search(replace(QUERY, sort=(Sort("price", descending=True),))),
            pipeline.recommend(replace(ANN, scope="trending")),
            pipeline.recommend(replace(ANN, scope="similar", item="boot1")),
            corner.pipeline(None).search(QUERY),
        ):
            assert answer.hits and not any(hit.explored for hit in answer.hits)

    def test_an_attribute_says_what_was_added_lately(self, corner: Corner) -> None:
        """A lamp's number is its age in days; of the young ones one is in demand."""
        young = {f"lamp{n}" for n in range(3)}
        settings = ExplorationConfig(added="since", new_days=2.5)
        newcomers = Newcomers(corner.engine, settings)
        assert newcomers.ids(NOW_MS) == young
        assert newcomers.ids(NOW_MS + DAY_MS) == young - {"lamp2"}
        corner.when(*(did(f"u{n}", "lamp1", 0.1) for n in range(7)))
        pipeline = corner.pipeline(bundle("item.price"), exploration=settings)
        risen = set()
        for n in range(40):
            answer = pipeline.search(replace(QUERY, text="lamp boot", user=f"u{n}"))
            risen |= {hit.id for hit in answer.hits if hit.explored}
        assert risen == {NEW, "lamp0", "lamp2"}

    def test_the_engine_is_asked_once_a_minute(
        self, corner: Corner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []
        real = corner.engine.retrieve
        monkeypatch.setattr(corner.engine, "retrieve", lambda r: asked.append(r) or real(r))
        newcomers = Newcomers(corner.engine, ExplorationConfig(added="since"))
        for later_ms in (0, 1, 59_999, 60_000, 60_001):
            newcomers.ids(NOW_MS + later_ms)
        assert len(asked) == 2
        assert Newcomers(corner.engine, ON).ids(NOW_MS) == frozenset() and len(asked) == 2

    def test_an_attribute_that_no_item_has_costs_the_exploration_only(self, corner: Corner) -> None:
        settings = ExplorationConfig(added="nope")
        answer = corner.pipeline(bundle(), exploration=settings).search(QUERY)
        assert [part.stage for part in answer.degraded] == ["explore"]
        assert answer.bundle == "b1" and not any(hit.explored for hit in answer.hits)


OFF = ExplorationConfig(slots=0)
QUERY = Query("boot mug lamp", user="ann", k=50, now_ms=NOW_MS)
ANN = Recommend(user="ann", now_ms=NOW_MS)
