"""Search never fails because of ranking, and says what it did without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.answer import Answer, Degraded
from search_rerank.bundle import Bundle
from search_rerank.engines.base import Engine
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.explanation import Explain
from search_rerank.features.table import FeatureTable
from search_rerank.fusion.selection import Selection
from search_rerank.pipeline import Pipeline
from search_rerank.query import Filters, Query, Sort, Statistics
from search_rerank.state.memory import MemoryState
from tests.spine.world import World

SHOES = "shoes"
ANN = "u00000"


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
def pipeline(world: World, engine: Engine, whole: Bundle, state: MemoryState) -> Pipeline:
    return Pipeline(world.config, engine, state, whole)


def order(answer: Answer) -> list[str]:
    return [hit.id for hit in answer.hits]


def in_engine_order(answer: Answer) -> bool:
    return [hit.engine_rank for hit in answer.hits] == list(range(len(answer.hits)))


class _Broken:
    """Stands for any part of a bundle: every method raises, and what is read is the part's own."""

    def __init__(self, part: object, method: str) -> None:
        self._part, self._method = part, method

    def __getattr__(self, name: str) -> Any:
        if name == self._method:
            raise RuntimeError("broken on purpose")
        return getattr(self._part, name)


def with_ranker(bundle: Bundle, ranker: object) -> Bundle:
    task: Any = {**bundle.fusions[""], bundle.selection.chosen: ranker}
    return replace(bundle, fusions={"": task})


def test_a_whole_answer(pipeline: Pipeline, world: World, whole: Bundle) -> None:
    answer = pipeline.search(world.query(SHOES, ANN), explain=Explain())
    assert answer.degraded == []
    assert answer.bundle == whole.version
    assert answer.history > 0
    assert not in_engine_order(answer)
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert sorted(hit.engine_rank for hit in answer.hits) == list(range(len(answer.hits)))
    stages = {"consent", "encode", "retrieve", "state", "features", "fuse", "explain"}
    assert set(answer.timings_ms) == stages
    assert all(tuple(hit.features or ()) == tuple(whole.features) for hit in answer.hits)
    values = [value for hit in answer.hits for value in (hit.features or {}).values()]
    assert None in values and not any(value != value for value in values)


def test_features_come_only_when_asked_for(pipeline: Pipeline, world: World) -> None:
    answer = pipeline.search(world.query(SHOES, ANN))
    assert {hit.features for hit in answer.hits} == {None}


@pytest.mark.parametrize("name", ["popularity", "item_knn", "als", "content"])
def test_a_scorer_that_raises_is_named_and_the_answer_is_whole(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, name: str
) -> None:
    scorers: Any = [_Broken(one, "score") if one.name == name else one for one in whole.scorers]
    pipeline = Pipeline(world.config, engine, state, replace(whole, scorers=scorers))
    query = world.query(SHOES, ANN)
    answer = pipeline.search(query, explain=Explain())
    healthy = Pipeline(world.config, engine, state, whole).search(query, explain=Explain())
    assert answer.degraded == [Degraded(f"score.{name}", "RuntimeError")]
    assert answer.bundle == whole.version
    assert sorted(order(answer)) == sorted(order(healthy))
    expected = {hit.id: dict(hit.features or {}) for hit in healthy.hits}
    for hit in answer.hits:
        lost = {f"score.{name}": None, f"score.{name}_place": None}
        assert dict(hit.features or {}) == expected[hit.id] | lost


def test_a_broken_fusion_keeps_the_engine_s_order(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    broken = with_ranker(whole, _Broken(whole.ranker, "fuse"))
    answer = Pipeline(world.config, engine, state, broken).search(world.query(SHOES, ANN))
    assert answer.degraded == [Degraded("rank", "RuntimeError")]
    assert answer.bundle is None
    assert in_engine_order(answer) and len(answer.hits) > 10


def test_a_broken_state_leaves_the_answer_of_a_stranger_in_a_new_shop(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    broken: Any = _Broken(state, "history")
    query = world.query(SHOES, ANN)
    answer = Pipeline(world.config, engine, broken, whole).search(query)
    assert answer.degraded == [Degraded("state", "RuntimeError")]
    assert (answer.bundle, answer.history) == (whole.version, 0)
    nothing = MemoryState(world.config.training.gains)
    assert answer.hits == Pipeline(world.config, engine, nothing, whole).search(query).hits


def test_without_a_bundle_the_engine_s_order_is_kept(
    world: World, engine: Engine, state: MemoryState
) -> None:
    answer = Pipeline(world.config, engine, state).search(
        world.query(SHOES, ANN), explain=Explain()
    )
    assert answer.degraded == [Degraded("rank", "no bundle: run search-rerank train")]
    assert answer.bundle is None
    assert in_engine_order(answer) and len(answer.hits) > 10
    assert {hit.features for hit in answer.hits} == {None}
    assert all(hit.vector is None for hit in answer.hits)


def test_an_encoder_that_raises_leaves_the_words(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    encoder: Any = _Broken(whole.encoder, "encode")
    pipeline = Pipeline(world.config, engine, state, replace(whole, encoder=encoder))
    answer = pipeline.search(world.query(SHOES, ANN), explain=Explain())
    assert answer.degraded == [Degraded("encode", "RuntimeError")]
    assert answer.bundle == whole.version
    assert all((hit.lexical or 0) > 0 for hit in answer.hits)
    assert all((hit.features or {})["query.vector"] is None for hit in answer.hits)


def test_what_the_engine_did_without_is_passed_on(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = engine.retrieve

    def without_vectors(*request: Any) -> Any:
        return replace(real(*request), degraded=(("vector", "TimeoutError"),))

    monkeypatch.setattr(engine, "retrieve", without_vectors)
    answer = Pipeline(world.config, engine, state, whole).search(world.query(SHOES, ANN))
    assert answer.degraded == [Degraded("vector", "TimeoutError")]
    assert answer.bundle == whole.version


@pytest.mark.parametrize("error", [EngineUnavailable, EngineError])
def test_an_engine_that_is_away_is_an_error(
    world: World,
    engine: Engine,
    whole: Bundle,
    state: MemoryState,
    monkeypatch: pytest.MonkeyPatch,
    error: type[EngineError],
) -> None:
    asked = []

    def away(*request: object) -> None:
        asked.append(request)
        raise error("no answer within 5 s")

    monkeypatch.setattr(engine, "retrieve", away)
    with pytest.raises(error, match="no answer within 5 s"):
        Pipeline(world.config, engine, state, whole).search(world.query(SHOES, ANN))
    # One that refuses is asked again by words only; one that is away has had its time.
    assert len(asked) == (1 if error is EngineUnavailable else 2)


@pytest.mark.parametrize("text", [SHOES, "", "blue jacket"])
def test_not_personalised_is_what_a_visitor_without_history_sees(
    pipeline: Pipeline, world: World, text: str
) -> None:
    stranger = pipeline.search(world.query(text, "nobody", "nothing yet"), explain=Explain())
    unasked = pipeline.search(world.query(text), explain=Explain())
    switched_off = pipeline.search(world.query(text, ANN), personalise=False, explain=Explain())
    assert stranger.hits == unasked.hits == switched_off.hits
    assert [answer.history for answer in (stranger, unasked, switched_off)] == [0, 0, 0]
    assert pipeline.search(world.query(text, ANN)).hits != switched_off.hits


class _Constant:
    """A ranker that gives every row the same, or NaN."""

    def __init__(self, value: float) -> None:
        self._value = value

    def fuse(self, table: FeatureTable) -> NDArray[np.float64]:
        return np.full(len(table), self._value)


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_ties_are_in_the_engine_s_order(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, value: float
) -> None:
    bundle = with_ranker(whole, _Constant(value))
    answer = Pipeline(world.config, engine, state, bundle).search(world.query(SHOES, ANN))
    assert in_engine_order(answer)
    assert answer.degraded == [] and answer.bundle == whole.version


def test_an_empty_query_browses_the_whole_catalogue(pipeline: Pipeline, world: World) -> None:
    answer = pipeline.search(world.query("", ANN))
    assert answer.total == len(world.made.items)
    assert len(answer.hits) == world.config.retrieval.k
    assert answer.degraded == []
    assert {hit.lexical for hit in answer.hits} == {0.0}


def test_a_query_that_nothing_can_match_is_an_empty_answer(
    pipeline: Pipeline, world: World
) -> None:
    nothing = Filters(terms={"brand": ("No Such Brand",)})
    answer = pipeline.search(replace(world.query(SHOES, ANN), filters=nothing))
    assert (list(answer.hits), answer.total, answer.degraded) == ([], 0, [])


def test_a_sorted_answer_keeps_the_engine_s_order(
    pipeline: Pipeline, world: World, engine: Engine, state: MemoryState
) -> None:
    query = replace(world.query(SHOES, ANN), sort=(Sort("price"),))
    prices = {item.id: item.price for item in world.made.items}
    for one in (pipeline, Pipeline(world.config, engine, state)):
        answer = one.search(query, explain=Explain())
        assert in_engine_order(answer) and len(answer.hits) > 10
        found = [prices[id_] for id_ in order(answer)]
        assert found == sorted(found, key=lambda price: (price is None, price))
        assert (answer.degraded, answer.bundle) == ([], None)


def test_all_that_the_engine_tells_of_a_query_is_passed_on(
    world: World, engine: Engine, whole: Bundle, state: MemoryState, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {
        "total": 77,
        "total_exact": False,
        "facets": {"brand": [("x", 3)]},
        "statistics": {"price": Statistics(2, 1.0, 3.0, 2.0)},
        "did_you_mean": "shoe",
        "searched": "boots",
        "relaxed": ("words",),
    }
    pipeline = Pipeline(world.config, engine, state, whole)
    real = pipeline.in_use.retriever.retrieve
    monkeypatch.setattr(pipeline.in_use.retriever, "retrieve", lambda r: replace(real(r), **told))
    answer = pipeline.search(world.query(SHOES, ANN))
    assert {name: getattr(answer, name) for name in told} == told


def test_features_are_those_of_the_text_that_was_searched(pipeline: Pipeline, world: World) -> None:
    typed = pipeline.search(world.query("shose", ANN), explain=Explain())
    meant = pipeline.search(world.query(typed.searched or "", ANN), explain=Explain())
    assert typed.searched is not None and typed.degraded == []
    assert typed.hits == meant.hits


@pytest.mark.parametrize("k", [1, 7, 50])
def test_k_candidates_are_ranked(pipeline: Pipeline, world: World, k: int) -> None:
    query = world.query(SHOES, ANN)
    few = pipeline.search(replace(query, k=k))
    by_engine = sorted(pipeline.search(query).hits, key=lambda hit: hit.engine_rank)
    assert {hit.id for hit in few.hits} == {hit.id for hit in by_engine[:k]}


def test_a_click_counts_in_the_very_next_search(
    pipeline: Pipeline, world: World, state: MemoryState
) -> None:
    from search_rerank.data.event import Interaction

    query = world.query(SHOES, session="fresh")
    before = pipeline.search(query, explain=Explain())
    clicked = before.hits[20].id
    state.append(
        [
            Interaction(
                id="fresh click",
                timestamp=world.now_ms - 5000,
                session="fresh",
                item=clicked,
                type="click",
            )
        ]
    )
    after = pipeline.search(query, explain=Explain())
    assert (before.history, after.history) == (0, 1)
    features = {hit.id: hit.features or {} for hit in after.hits}
    assert features[clicked]["session.seen_days_ago"] == pytest.approx(5000 / 86_400_000)
    assert order(before) != order(after)


def test_similar_items_are_the_nearest_vectors(
    pipeline: Pipeline, world: World, whole: Bundle
) -> None:
    vectors, ids = whole.catalogue.vectors, whole.catalogue.ids
    for item in world.made.items[:20]:
        answer = pipeline.similar(item.id, 8)
        cosine = vectors @ vectors[ids.number(item.id)]
        found = [cosine[ids.number(hit.id)] for hit in answer.hits]
        assert item.id not in order(answer) and len(answer.hits) == 8
        assert [hit.vector for hit in answer.hits] == pytest.approx(found, abs=1e-3)
        assert found == sorted(found, reverse=True)
        best = np.sort(np.delete(cosine, ids.number(item.id)))[::-1][:8]
        assert found == pytest.approx(best.tolist(), abs=1e-3)


def test_what_is_similar_to_nothing(pipeline: Pipeline) -> None:
    with pytest.raises(EngineError, match="expected an item of the index, found no item 'gone'"):
        pipeline.similar("gone", 3)


def test_the_live_bundle_is_taken_up_when_it_changes(world: World, state: MemoryState) -> None:
    with world.pipeline(state) as pipeline:
        assert pipeline.bundle_version == world.bundle().version
        assert pipeline.reload_if_changed() is False
        pipeline._following._tried = None, 0
        assert pipeline.reload_if_changed() is True


def test_the_longest_query_and_the_strangest(pipeline: Pipeline, world: World) -> None:
    for text in [
        "x" * 10_000,
        "👟 " * 300,
        '"shoes" AND (',
        "brand:* OR id:[a TO b]",
        "   ",
        "\x00",
    ]:
        answer = pipeline.search(replace(world.query("", ANN), text=text))
        assert answer.degraded == [], text[:40]


def test_an_item_unknown_to_the_bundle_is_ranked_too(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    """An index may be newer than the bundle: items without features are no reason to fail."""
    from search_rerank.data.catalogue import Catalogue

    kept = world.made.items[: len(world.made.items) // 2]
    rows = whole.catalogue.vectors[: len(kept)]
    older = replace(whole, catalogue=Catalogue.from_items(kept, rows))
    query: Query = world.query(SHOES, ANN)
    answer = Pipeline(world.config, engine, state, older).search(query)
    assert answer.degraded == []
    assert len(answer.hits) == len(Pipeline(world.config, engine, state, whole).search(query).hits)


def test_a_stage_without_time_is_named_and_the_answer_is_whole(
    world: World, engine: Engine, whole: Bundle, state: MemoryState
) -> None:
    cascade = replace(whole, selections={"": Selection("cascade")})
    service = world.config.service.model_copy(update={"ranking_ms": 1e-6})
    hurried = world.config.model_copy(update={"service": service})
    query = world.query(SHOES, ANN)
    answer = Pipeline(hurried, engine, state, cascade).search(query)
    (late,) = answer.degraded
    assert late.stage == "rank.lambdamart" and late.reason == "late"
    assert answer.bundle == whole.version and not in_engine_order(answer)
    calm = Pipeline(world.config, engine, state, cascade).search(query)
    assert calm.degraded == [] and sorted(order(calm)) == sorted(order(answer))
