"""A feature knows what the state held at its moment, and is the one that serving would compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_rerank.data.events import Events
from search_rerank.explanation import Explain
from search_rerank.features.builder import FeatureBuilder
from search_rerank.occasions import Occasion, from_log
from search_rerank.pipeline import Pipeline
from search_rerank.query import Candidates, Query
from search_rerank.replay import Replay, Replayed
from search_rerank.scorers import create
from search_rerank.state.memory import MemoryState
from search_rerank.training import Shop, as_of, cuts, fit_scorers
from tests.features.worlds import DAY, GAINS, ITEMS, candidates, catalogue, did
from tests.spine.world import World

pytestmark = pytest.mark.slow

IDS = [item.id for item in ITEMS]
CUT = 5 * DAY


class _Fixed:
    """Finds all items for every query."""

    def request(self, query: Query, k: int) -> Query:
        return query

    def retrieve(self, request: Query) -> Candidates:
        return candidates(*IDS)

    def score(self, request: Query, ids: Sequence[str]) -> Candidates:
        return candidates(*ids)


def events(rows: Sequence[tuple[int, int]]) -> Events:
    """Return clicks of ann and bob in turn, of (item number, time)."""
    clicks = [
        did(n, IDS[item], time, user=("ann", "bob")[n % 2], session="s", query="boots")
        for n, (item, time) in enumerate(rows)
    ]
    return Events.from_events(clicks, catalogue().ids)


def replay(live: bool) -> Replay:
    shop = catalogue(dim=4)
    past = events([(0, DAY), (1, 2 * DAY), (2, 3 * DAY)])
    scorers = [create(name).fit(past, shop, now_ms=CUT) for name in ("popularity", "item_knn")]
    return Replay(_Fixed(), FeatureBuilder(shop, scorers), GAINS, 50, live)  # type: ignore[arg-type]


@cache
def replays() -> dict[bool, Replay]:
    return {live: replay(live) for live in (True, False)}


def run(log: Events, live: bool, *now_ms: int) -> Replayed:
    asked = [
        Occasion(Query("boots", "ann", "s", k=10, now_ms=at), {"boot": 1.0})
        for at in sorted(now_ms)
    ]
    return Replayed.concat(list(replays()[live].run(log, asked, CUT)))


LOG = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10 * DAY)), min_size=1, max_size=25)
MOMENT = st.integers(CUT, 10 * DAY)


@settings(deadline=None)
@given(rows=LOG, now_ms=MOMENT)
def test_features_are_those_of_the_log_cut_off_before_the_moment(
    rows: list[tuple[int, int]], now_ms: int
) -> None:
    log = events(rows)
    whole, cut = run(log, True, now_ms), run(log.before(now_ms), True, now_ms)
    np.testing.assert_array_equal(whole.table.X, cut.table.X)


@settings(deadline=None)
@given(rows=LOG, first=MOMENT, second=MOMENT)
def test_an_occasion_does_not_depend_on_the_ones_beside_it(
    rows: list[tuple[int, int]], first: int, second: int
) -> None:
    log = events(rows)
    both = run(log, True, first, second).table.X
    alone = [run(log, True, at).table.X for at in sorted((first, second))]
    np.testing.assert_array_equal(both, np.concatenate(alone))


def test_an_event_counts_from_the_moment_after_its_own() -> None:
    at = 6 * DAY
    log = events([(0, DAY), (1, 2 * DAY), (3, at)])
    seen = run(log, True, at, at + 1)
    assert seen.table.column("user.interactions").reshape(2, -1)[:, 0].tolist() == [1, 2]
    mug = seen.table.column("user.seen_days_ago").reshape(2, -1)[:, IDS.index("mug")]
    assert np.isnan(mug[0]) and mug[1] == pytest.approx(1 / DAY, rel=1e-3)


def test_frozen_state_stays_that_of_the_cut() -> None:
    log = events([(0, CUT - 1), (1, CUT), (2, 6 * DAY)])
    late = 9 * DAY
    frozen = run(log, False, late)
    np.testing.assert_array_equal(frozen.table.X, run(log.before(CUT), True, late).table.X)
    assert frozen.table.column("user.interactions")[0] == 1
    assert run(log, True, late).table.column("user.interactions")[0] == 2


def test_gains_and_what_was_missed() -> None:
    taken = {"mug": 2.0, "gone": 3.0}
    occasion = Occasion(Query("boots", "ann", k=10, now_ms=CUT), taken)
    (part,) = replays()[True].run(events([(0, DAY)]), [occasion], CUT)
    assert part.gains.tolist() == [0, 0, 0, 2]
    assert part.missed == [[3.0]]
    assert part.shoppers == ["ann"]


def test_places_are_those_of_the_list_of_which_a_page_was_shown() -> None:
    asked = Query("boots", "ann", "s", k=10, now_ms=CUT)
    shown = (IDS[2], IDS[0])
    pages = [Occasion(asked, {}, shown=shown, first=first) for first in (0, 20)]
    (found,) = replays()[True].run(events([]), pages, CUT)
    expected = {IDS[2]: 0, IDS[0]: 1}
    places = [expected.get(id_, -1) for id_ in IDS]
    assert found.places.tolist() == [*places, *(20 + p if p >= 0 else -1 for p in places)]


def test_seen_items_are_left_out_and_k_is_kept() -> None:
    query = Query("boots", "ann", k=2, now_ms=CUT)
    occasion = Occasion(query, {"boot": 1.0}, seen=frozenset({"shoe"}))
    (part,) = replays()[True].run(events([(0, DAY)]), [occasion], CUT)
    assert part.table.column("query.candidates").tolist() == [2, 2]
    assert part.gains.tolist() == [1, 0]


# The same on the real way: the engine, every scorer, and the pipeline that serves.


@pytest.fixture(scope="module")
def ready(world: World) -> Iterator[Shop]:
    with world.ready() as shop:
        yield shop


@pytest.fixture(scope="module")
def moments(ready: Shop) -> list[Occasion]:
    cut = cuts(ready.events, ready.config.training)
    found = from_log(ready.events, cut.test, cut.end, GAINS, ready.config.retrieval.k)
    return found[:: len(found) // 12]


@pytest.fixture(scope="module")
def at_test(ready: Shop) -> Iterator[Replay]:
    with as_of(ready, cuts(ready.events, ready.config.training).test) as replay:
        yield replay


def test_replay_equals_serving(
    world: World, ready: Shop, moments: list[Occasion], at_test: Replay
) -> None:
    cut = cuts(ready.events, ready.config.training)
    serving = replace(
        world.bundle(), scorers=fit_scorers(ready, cut.test), catalogue=ready.catalogue
    )
    rows = list(at_test.run(ready.events, moments, cut.test, groups=1))
    index, live = (version.name for version in ready.engine.versions())
    ready.engine.promote(index)
    try:
        for occasion, row in zip(moments, rows, strict=True):
            state = MemoryState(ready.config.training.gains)
            now_ms = occasion.query.now_ms
            state.append([event for event in ready.events.log if event.time_ms < now_ms])
            state.show([page for page in ready.events.pages if page.time_ms < now_ms])
            pipeline = Pipeline(ready.config, ready.engine, state, serving)
            answer = pipeline.search(occasion.query, explain=Explain())
            assert answer.degraded == []
            served = sorted(answer.hits, key=lambda hit: hit.engine_rank)
            columns = [list((hit.features or {}).values()) for hit in served]
            assert tuple(served[0].features or ()) == row.table.names
            np.testing.assert_array_equal(np.array(columns, dtype=np.float32), row.table.X)
            taken = [occasion.gains.get(hit.id, 0.0) for hit in served]
            assert row.gains.tolist() == taken
    finally:
        ready.engine.promote(live)


def test_replay_equals_serving_where_the_text_was_corrected(
    world: World, ready: Shop, moments: list[Occasion], at_test: Replay
) -> None:
    cut = cuts(ready.events, ready.config.training)
    titles = (item.title for item in world.made.items)
    word = max((word for title in titles for word in title.split() if word.isalpha()), key=len)
    query = replace(moments[0].query, text=word[:-2] + word[-1])
    (row,) = at_test.run(ready.events, [replace(moments[0], query=query)], cut.test, groups=1)
    serving = replace(
        world.bundle(), scorers=fit_scorers(ready, cut.test), catalogue=ready.catalogue
    )
    index, live = (version.name for version in ready.engine.versions())
    state = MemoryState(ready.config.training.gains)
    state.append([event for event in ready.events.log if event.time_ms < query.now_ms])
    state.show([page for page in ready.events.pages if page.time_ms < query.now_ms])
    ready.engine.promote(index)
    try:
        pipeline = Pipeline(ready.config, ready.engine, state, serving)
        answer = pipeline.search(query, explain=Explain())
    finally:
        ready.engine.promote(live)
    assert answer.searched == word.lower()
    served = sorted(answer.hits, key=lambda hit: hit.engine_rank)
    columns = [list((hit.features or {}).values()) for hit in served]
    np.testing.assert_array_equal(np.array(columns, dtype=np.float32), row.table.X)


@settings(max_examples=5, deadline=None)
@given(place=st.integers(0, 11))
def test_nothing_of_the_real_log_after_the_moment_is_known(
    ready: Shop, moments: list[Occasion], at_test: Replay, place: int
) -> None:
    occasion = moments[place]
    cut = cuts(ready.events, ready.config.training)
    (whole,) = at_test.run(ready.events, [occasion], cut.test)
    short = ready.events.before(occasion.query.now_ms)
    (cut_off,) = at_test.run(short, [occasion], cut.test)
    np.testing.assert_array_equal(whole.table.X, cut_off.table.X)


def test_the_index_and_the_scorers_of_a_cut_know_nothing_after_it(ready: Shop) -> None:
    """Retrieval is a feature too: an index made at the cut must rank as if the log ended there."""
    cut = cuts(ready.events, ready.config.training).train
    short = replace(ready, events=ready.events.before(cut))
    request = Query("shoes", k=100, now_ms=cut)
    found, fitted = [], []
    for shop in (ready, short):
        with as_of(shop, cut) as replay:
            found.append(replay.retriever.retrieve(replay.retriever.request(request, 100)))
            fitted.append([scorer.arrays() for scorer in replay.builder.scorers])
    np.testing.assert_equal(fitted[0], fitted[1])
    assert list(found[0].ids) == list(found[1].ids)
    np.testing.assert_array_equal(found[0].score, found[1].score)
