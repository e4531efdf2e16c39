"""What hangs costs an answer less than its deadline, and nothing of what does not hang."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event, Timer
from typing import Any

import pytest

from search_rerank.answer import Answer, Degraded
from search_rerank.bundle import Bundle
from search_rerank.engines.base import Engine
from search_rerank.errors import EngineUnavailable, StateError
from search_rerank.guarding.deadline import Deadline
from search_rerank.guarding.guards import SCORER_REST_S
from search_rerank.last_good import LastGood
from search_rerank.pipeline import Pipeline
from search_rerank.query import Filters
from search_rerank.recommend.request import Recommend
from search_rerank.state.memory import MemoryState
from tests.spine.test_pipeline import ANN, SHOES, in_engine_order, with_ranker
from tests.spine.world import World

pytestmark = pytest.mark.slow

MS = 600
PATIENT_S = 5.0
"""What hangs here does so for good: an answer within this did not wait for it."""


@pytest.fixture(scope="module")
def engine(world: World) -> Iterator[Engine]:
    with world.engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def whole(world: World) -> Bundle:
    return world.bundle()


@pytest.fixture(scope="module")
def state(world: World) -> MemoryState:
    return world.state()


@pytest.fixture
def hang() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


class Slow:
    """Stands for a part one of whose methods waits for an event before it does its work."""

    def __init__(self, part: object, method: str, event: Event) -> None:
        self._part, self._method, self._event = part, method, event
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._part, name)
        if name != self._method:
            return real

        def slow(*given: Any, **named: Any) -> Any:
            self.calls += 1
            self._event.wait()
            return real(*given, **named)

        return slow


def asked(pipeline: Pipeline, world: World, ms: float = MS, **more: Any) -> Answer:
    begun = time.monotonic()
    answer = pipeline.search(world.query(SHOES, ANN), deadline=Deadline.after(ms), **more)
    assert time.monotonic() - begun < PATIENT_S
    return answer


def with_slow_scorer(whole: Bundle, name: str, hang: Event) -> tuple[Bundle, Slow]:
    (real,) = [one for one in whole.scorers if one.name == name]
    slow = Slow(real, "score", hang)
    scorers: Any = [slow if one.name == name else one for one in whole.scorers]
    return replace(whole, scorers=scorers), slow


def test_with_time_enough_the_answer_is_the_same(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    pipeline = Pipeline(world.config, engine, state, whole)
    hurried = asked(pipeline, world, 60_000)
    assert hurried.degraded == []
    assert hurried.hits == pipeline.search(world.query(SHOES, ANN)).hits


@pytest.mark.parametrize("name", ["popularity", "content"])
def test_a_scorer_that_sleeps_is_named_and_costs_no_other(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event, name: str
) -> None:
    bundle, _ = with_slow_scorer(whole, name, hang)
    answer = asked(Pipeline(world.config, engine, state, bundle), world)
    assert answer.degraded == [Degraded(f"score.{name}", "late")]
    assert answer.bundle == whole.version

    class Broken:
        def __init__(self, real: object) -> None:
            self.name = name

        def score(self, *_: object) -> None:
            raise RuntimeError("broken on purpose")

    scorers: Any = [Broken(one) if one.name == name else one for one in whole.scorers]
    broken = Pipeline(world.config, engine, state, replace(whole, scorers=scorers))
    assert answer.hits == broken.search(world.query(SHOES, ANN)).hits


@pytest.mark.slow
def test_a_scorer_that_was_late_again_and_again_is_left_out_until_it_ends(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    bundle, slow = with_slow_scorer(whole, "content", hang)
    pipeline = Pipeline(world.config, engine, state, bundle)
    reasons = [asked(pipeline, world, 1000).degraded[0].reason for _ in range(5)]
    assert reasons == ["late"] * 3 + ["resting"] * 2
    assert slow.calls == 3
    breaker = pipeline.guards.scorer("content")
    breaker._clock = lambda: time.monotonic() + SCORER_REST_S
    assert asked(pipeline, world).degraded[0].reason == "resting"  # the three still sleep
    hang.set()
    end = time.monotonic() + PATIENT_S
    while asked(pipeline, world, 5000).degraded and time.monotonic() < end:
        time.sleep(0.01)
    assert asked(pipeline, world, 5000).degraded == []


def test_a_deadline_too_short_for_anything_blames_no_scorer(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    pipeline = Pipeline(world.config, engine, state, whole)
    for ms in (0, 1, 2, 5, 10, 20) * 3:
        assert len(asked(pipeline, world, ms).hits) > 10
    assert asked(pipeline, world, 60_000).degraded == []


@pytest.mark.parametrize("method", ["history", "item_counts", "query_counts", "similar_counts"])
def test_a_state_that_sleeps_leaves_the_answer_of_a_stranger(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event, method: str
) -> None:
    slow: Any = Slow(state, method, hang)
    answer = asked(Pipeline(world.config, engine, slow, whole), world)
    assert answer.degraded == [Degraded("state", "late")]
    assert answer.history == 0
    nothing = MemoryState(world.config.training.gains)
    stranger = Pipeline(world.config, engine, nothing, whole).search(world.query(SHOES, ANN))
    assert answer.hits == stranger.hits


def test_a_state_that_is_away_is_not_asked_again_at_once(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    calls = []

    class Away:
        def __getattr__(self, name: str) -> Any:
            def away(*_: object) -> None:
                calls.append(name)
                raise StateError("cannot be reached")

            return away

    nowhere: Any = Away()
    pipeline = Pipeline(world.config, engine, nowhere, whole)
    reasons = [asked(pipeline, world).degraded for _ in range(6)]
    told = [[(part.stage, part.reason) for part in one] for one in reasons]
    assert told == [  # each asks twice, until it has failed three times in a row
        [("consent", "StateError"), ("state", "StateError")],
        [("consent", "StateError"), ("state", "resting")],
        *[[("consent", "resting"), ("state", "resting")]] * 4,
    ]
    assert len(calls) == 3
    recommended = pipeline.recommend(
        Recommend("personal", user=ANN, k=20, now_ms=world.now_ms), deadline=Deadline.after(MS)
    )
    assert len(recommended.hits) == 20


@pytest.mark.parametrize("scope", ["personal", "trending"])
def test_what_sleeps_costs_a_recommendation_its_opinion_only(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event, scope: Any
) -> None:
    bundle, _ = with_slow_scorer(whole, "popularity", hang)
    slow: Any = Slow(state, "item_counts", hang)
    pipeline = Pipeline(world.config, engine, slow, bundle)
    wanted = Recommend(scope, user=ANN, k=20, now_ms=world.now_ms)
    begun = time.monotonic()
    answer = pipeline.recommend(wanted, deadline=Deadline.after(1000))
    assert time.monotonic() - begun < PATIENT_S
    assert len(answer.hits) == 20
    late = {part.stage for part in answer.degraded if part.reason == "late"}
    assert late >= {"candidates.popularity", "state", "score.popularity"}
    assert ("candidates.trend" in late) == (scope == "trending")
    assert answer.bundle == whole.version


def test_an_encoder_that_sleeps_leaves_the_words(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    encoder: Any = Slow(whole.encoder, "encode", hang)
    pipeline = Pipeline(world.config, engine, state, replace(whole, encoder=encoder))
    answer = asked(pipeline, world)
    assert answer.degraded == [Degraded("encode", "late")]
    assert all((hit.lexical or 0) > 0 for hit in answer.hits) and answer.bundle == whole.version


def test_a_fusion_that_sleeps_keeps_the_engine_s_order(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    bundle = with_ranker(whole, Slow(whole.ranker, "fuse", hang))
    answer = asked(Pipeline(world.config, engine, state, bundle), world)
    assert answer.degraded == [Degraded("rank", "late")]
    assert in_engine_order(answer) and answer.bundle is None and len(answer.hits) > 10


def test_features_that_sleep_keep_the_engine_s_order(
    world: World,
    engine: Engine,
    whole: Bundle,
    state: MemoryState,
    hang: Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from search_rerank.features import builder

    def sleep(*_: object) -> dict[str, Any]:
        hang.wait()
        return {}

    monkeypatch.setitem(builder.GROUPS, "match", sleep)
    answer = asked(Pipeline(world.config, engine, state, whole), world)
    assert answer.degraded == [Degraded("features", "late")]
    assert in_engine_order(answer) and len(answer.hits) > 10


def test_an_engine_that_is_late_is_waited_for_where_nothing_is_known(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    slow: Any = Slow(engine, "retrieve", hang)
    pipeline = Pipeline(world.config, slow, state, whole)

    deadline = Deadline.after(100)
    Timer(0.3, hang.set).start()
    answer = pipeline.search(world.query(SHOES, ANN), deadline=deadline)
    assert answer.degraded == [Degraded("rank", "late")]
    assert in_engine_order(answer) and slow.calls == 1


def test_an_engine_that_is_late_or_away_leaves_what_it_last_found(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    gone: list[str] = []

    class Leaving:
        def __getattr__(self, name: str) -> Any:
            if name == "retrieve" and gone == ["away"]:
                raise EngineUnavailable("cannot be reached")
            if name == "retrieve" and gone == ["late"]:
                hang.wait()
            return getattr(engine, name)

    leaving: Any = Leaving()
    pipeline = Pipeline(world.config, leaving, state, whole)
    pipeline.last_good = LastGood(8, 60)
    others = pipeline.search(world.query(SHOES, "u00003"))
    healthy = Pipeline(world.config, engine, state, whole).search(world.query(SHOES, ANN))
    for what in ("away", "late"):
        gone[:] = [what]
        answer = asked(pipeline, world)
        assert answer.degraded == [Degraded("retrieve", "stale")]
        # ranked for this shopper, of whom nothing was kept
        assert answer.hits == healthy.hits != others.hits
        assert (answer.total, answer.facets) == (healthy.total, healthy.facets)
        unknown = replace(world.query(SHOES, ANN), filters=Filters(terms={"brand": ("x",)}))
        if what == "away":
            with pytest.raises(EngineUnavailable, match="cannot be reached"):
                pipeline.search(unknown, deadline=Deadline.after(MS))
    hang.set()


def test_what_is_kept_names_no_shopper(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    pipeline = Pipeline(world.config, engine, state, whole)
    pipeline.last_good = LastGood(8, 60)
    pipeline.search(world.query(SHOES, "u00003", "a visit"))
    kept = pipeline.last_good._candidates
    assert len(kept) == 1
    assert "u00003" not in repr(dict(kept)) and "a visit" not in repr(dict(kept))


def test_a_share_of_the_candidates_is_reranked(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    pipeline = Pipeline(world.config, engine, state, whole)
    all_ = pipeline.search(world.query(SHOES, ANN))
    n = len(all_.hits)
    for share, ranked in ((0.5, -(-n // 2)), (0.25, -(-n // 4)), (0.0, 0)):
        answer = asked(pipeline, world, share=share)
        assert answer.degraded == [Degraded("rank", "shed")]
        ranks = [hit.engine_rank for hit in answer.hits]
        assert sorted(ranks[:ranked]) == list(range(ranked))
        assert ranks[ranked:] == list(range(ranked, n))
        assert (ranks[:ranked] != list(range(ranked))) == (ranked > 0)
        scores = [hit.score for hit in answer.hits]
        assert scores == sorted(scores, reverse=True)
        few = pipeline.search(replace(world.query(SHOES, ANN), k=ranked)) if ranked else None
        assert (
            few is None or [hit.id for hit in few.hits] == [hit.id for hit in answer.hits][:ranked]
        )


@pytest.mark.slow
def test_one_request_that_hangs_holds_up_no_other(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, hang: Event
) -> None:
    bundle, _ = with_slow_scorer(whole, "content", hang)
    pipeline = Pipeline(world.config, engine, state, bundle)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: asked(pipeline, world, 1000), range(24)))
    assert len(answers) == 24
    assert all(len(answer.hits) > 10 and answer.bundle for answer in answers)
    assert {part.reason for answer in answers for part in answer.degraded} <= {"late", "resting"}
