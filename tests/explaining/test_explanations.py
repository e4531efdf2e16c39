"""What an explanation says is what made the hit's place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.answer import Answer
from search_rerank.config import ExperimentConfig
from search_rerank.explanation import Explain
from search_rerank.fusion.cascade import BEFORE, Cascade
from search_rerank.fusion.stage import Stage
from search_rerank.pipeline import Pipeline
from search_rerank.query import Sort
from search_rerank.rules.reading import parse_rules
from tests.explaining.conftest import FUSIONS, Town

Pipelines = dict[str, Pipeline]
pytestmark = pytest.mark.slow
ASKED = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def places(scores: list[float]) -> list[int]:
    """Return each score's place, the higher the better; ties as they come."""
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], n))
    return [order.index(n) for n in range(len(scores))]


@ASKED
@given(data=st.data())
@pytest.mark.parametrize("name", FUSIONS)
def test_base_and_contributions_sum_to_the_score(
    data: st.DataObject, town: Town, pipelines: Pipelines, name: str
) -> None:
    user = data.draw(st.sampled_from([None, *town.users]))
    text = data.draw(st.sampled_from(["", *town.texts]))
    answer = pipelines[name].search(town.query(text, user), explain=Explain())
    assert answer.bundle == name and not answer.degraded
    for hit in answer.hits:
        told = hit.explanation
        assert told is not None and told.base is not None and told.score is not None
        assert told.base + sum(told.contributions.values()) == pytest.approx(told.score, abs=1e-6)
        sizes = [abs(value) for value in told.contributions.values()]
        assert sizes == sorted(sizes, reverse=True) and 0 not in sizes
        if name == "cascade":  # its own score is the stage's, squeezed between its level and next
            squeezed = told.level + 0.5 + 0.5 * told.score / (1 + abs(told.score))
            assert hit.score == pytest.approx(squeezed, abs=1e-9)
            assert told.stage == ("weighted", "lambdamart")[told.level]
        else:
            assert (told.stage, told.level) == (name, 0)
            assert hit.score == pytest.approx(told.score, abs=1e-9)


@pytest.mark.parametrize("name", FUSIONS)
def test_places_lead_from_the_engine_s_to_the_one_it_has(
    town: Town, pipelines: Pipelines, name: str
) -> None:
    moved = 0
    for user in town.users[:12]:
        answer = pipelines[name].search(town.query("shoes", user), explain=Explain())
        hits = sorted(answer.hits, key=lambda hit: hit.engine_rank)
        told = [hit.explanation for hit in hits]
        by_model = places([hit.score for hit in hits])
        assert [one and one.by_model for one in told] == by_model
        explored = [one and one.explored for one in told]
        assert explored == [answer.hits.index(hit) for hit in hits]
        moved += sum(place != now for place, now in zip(by_model, explored, strict=True))
    assert moved > 0  # the shop explores


def test_only_the_page_is_explained(town: Town, pipelines: Pipelines) -> None:
    answer = pipelines["lambdamart"].search(
        town.query("shoes", town.users[0]), explain=Explain(5, 10, reasons=True)
    )
    explained = [n for n, hit in enumerate(answer.hits) if hit.explanation is not None]
    assert explained == list(range(5, 15)) and len(answer.hits) > 15
    assert all(bool(hit.features) == (hit.explanation is not None) for hit in answer.hits)
    assert all(hit.reason is None for hit in (*answer.hits[:5], *answer.hits[15:]))


def test_opinions_are_the_scorers_and_their_places(town: Town, pipelines: Pipelines) -> None:
    answer = pipelines["vote"].search(town.query("shoes", town.users[3]), explain=Explain())
    for scorer in ("popularity", "item_knn", "als", "content"):
        opinions = [hit.explanation and hit.explanation.opinions[scorer] for hit in answer.hits]
        scores = [one.score for one in opinions if one and one.score is not None]
        assert len(scores) > 5
        for hit, one in zip(answer.hits, opinions, strict=True):
            assert one is not None and hit.features is not None
            assert one.score == hit.features[f"score.{scorer}"]
            better = None if one.score is None else sum(score > one.score for score in scores)
            assert one.place == better


def in_stages(town: Town, pipelines: Pipelines) -> Answer:
    """Return an answer of weighted, then of weighted for 20, then of trees for 5."""
    config = pipelines["cascade"].config
    known = town.bundle.serving["cascade"]
    assert isinstance(known, Cascade)
    first, last = known.stages
    middle = Stage(town.bundle.serving["vote"], 20, 0.2)
    made = Cascade((first, middle, replace(last, size=5)))
    fusions = {"": {**town.bundle.serving, "cascade": made}}
    bundle = replace(pipelines["cascade"].in_use.bundle or town.bundle, fusions=fusions)
    pipeline = Pipeline(config, town.engine, town.state, bundle)
    return pipeline.search(town.query("shoes", town.users[0]), explain=Explain(reasons=True))


def test_each_hit_is_explained_by_the_last_stage_that_came_to_it(
    town: Town, pipelines: Pipelines
) -> None:
    answer = in_stages(town, pipelines)
    told = sorted(
        ((hit.explanation.by_model, hit.explanation) for hit in answer.hits if hit.explanation),
        key=lambda pair: pair[0],
    )
    assert len(told) == len(answer.hits) > 20
    levels = [one.level for _, one in told]
    assert levels == [2] * 5 + [1] * 15 + [0] * (len(told) - 20)
    stages = {0: "weighted", 1: "vote", 2: "lambdamart"}
    assert all(one.stage == stages[one.level] for _, one in told)
    used = {name for _, one in told[:5] for name in one.contributions}
    assert BEFORE in used  # the trees see the order before them
    assert all(BEFORE not in one.contributions for _, one in told[5:])


def test_in_an_interleaved_list_each_hit_is_explained_by_who_chose_it(
    town: Town, pipelines: Pipelines
) -> None:
    trial = ExperimentConfig(
        name="two", mode="interleave", treatment="lambdamart", control="weighted"
    )
    config = town.config.model_copy(update={"experiment": trial})
    pipeline = Pipeline(config, town.engine, town.state, town.bundle)
    answer = pipeline.search(
        town.query("shoes", town.users[2]), explain=Explain(size=20, reasons=True)
    )
    assert answer.trial is not None
    chosen = [(hit.team, hit.explanation) for hit in answer.hits[:20]]
    assert {team for team, _ in chosen} >= {"a", "b"}
    for team, told in chosen:
        assert told is not None and told.base is not None and told.score is not None
        if team is not None:
            assert told.stage == {"a": "lambdamart", "b": "weighted"}[team]
        assert told.base + sum(told.contributions.values()) == pytest.approx(told.score, abs=1e-6)


def test_a_pinned_item_has_the_rule_for_its_reason(town: Town, pipelines: Pipelines) -> None:
    found = pipelines["weighted"].search(town.query("shoes"))
    apart = next(id_ for id_ in town.items if id_ not in {hit.id for hit in found.hits})
    rules = parse_rules([{"id": "p", "kind": "pin", "places": {apart: 1}}])
    answer = pipelines["weighted"].search(
        town.query("shoes"), rules=rules, explain=Explain(size=10, reasons=True)
    )
    first, *others = answer.hits[:10]
    assert first.id == apart and first.rules == ("p",)
    assert first.reason is None and first.explanation is not None
    assert (first.explanation.by_model, first.explanation.explored) == (None, None)
    assert [hit.explanation and hit.explanation.explored for hit in others] == list(range(9))


def test_where_nothing_ranked_there_are_no_contributions(town: Town, pipelines: Pipelines) -> None:
    sorted_by = replace(town.query("shoes", town.users[0]), sort=(Sort("price"),))
    answer = pipelines["vote"].search(sorted_by, explain=Explain(size=3, reasons=True))
    assert answer.bundle is None and not answer.degraded
    for place, hit in enumerate(answer.hits[:3]):
        told = hit.explanation
        assert told is not None and hit.reason is None
        assert (told.stage, told.score, told.base, told.contributions) == (None, None, None, {})
        assert (told.by_model, told.explored, dict(told.opinions)) == (place, place, {})


def test_explaining_that_fails_costs_only_the_explanation(
    town: Town, pipelines: Pipelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken on purpose")

    query = town.query("shoes", town.users[0])
    whole = pipelines["vote"].search(query)
    monkeypatch.setattr("search_rerank.explaining.explainer.parts_of", broken)
    answer = pipelines["vote"].search(query, explain=Explain(size=10))
    assert [hit.id for hit in answer.hits] == [hit.id for hit in whole.hits]
    assert [(part.stage, part.reason) for part in answer.degraded] == [("explain", "RuntimeError")]
    assert {hit.explanation for hit in answer.hits} == {None}


def test_what_is_asked_for_does_not_change_the_order(town: Town, pipelines: Pipelines) -> None:
    query = town.query("boots", town.users[1])
    plain = pipelines["cascade"].search(query)
    told = pipelines["cascade"].search(query, explain=Explain(0, 10, reasons=True))
    assert [hit.id for hit in told.hits] == [hit.id for hit in plain.hits]
    np.testing.assert_array_equal(
        [hit.score for hit in told.hits], [hit.score for hit in plain.hits]
    )
