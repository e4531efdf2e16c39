"""A reason is the largest contribution's, and what it says is true."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from math import log1p

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search_rerank.answer import Answer, Hit
from search_rerank.data.item import Item
from search_rerank.errors import DataError
from search_rerank.explaining.cases import CASES
from search_rerank.explaining.explainer import Explainer
from search_rerank.explaining.families import FAMILIES, ORDER, family_of
from search_rerank.explaining.reasoning import CHECKS
from search_rerank.explanation import Explain
from search_rerank.fusion.selection import Selection
from search_rerank.fusion.weighted import Weighted
from search_rerank.pipeline import Pipeline
from search_rerank.ranking import Ranking
from search_rerank.recommend.request import Recommend, Scope
from tests.explaining.conftest import FUSIONS, Town

Pipelines = dict[str, Pipeline]
pytestmark = pytest.mark.slow
ASKED = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
SCOPES: tuple[Scope, ...] = ("personal", "similar", "cross_category", "trending")


def history(town: Town, user: str | None) -> list[Item]:
    gains = town.config.training.gains
    past = town.state.history(user, None, town.config.training.history)
    return [town.items[one.item] for one in past if gains.get(one.type, 0) > 0]


def same_for_all(answer: Answer) -> set[str]:
    values = defaultdict(set)
    for hit in answer.hits:
        for name, value in (hit.features or {}).items():
            values[name].add(value)
    return {name for name, found in values.items() if len(found) == 1}


def check_lead(hit: Hit, same: set[str]) -> None:
    """Compare the reason with the contributions, summed by family."""
    assert hit.explanation is not None
    parts = {k: v for k, v in hit.explanation.contributions.items() if k not in same}
    sums: dict[str, float] = defaultdict(float)
    for name, value in parts.items():
        sums[family_of(name)] += value
    most = max(sums.values(), default=0.0)
    if most <= 0:
        assert hit.reason is None
        return
    leading = {name for name, value in sums.items() if value == most}
    if leading == {ORDER}:  # the stage before tells
        assert hit.explanation.level > 0
        assert hit.reason is None or hit.reason.family != ORDER
        return
    assert hit.reason is not None and hit.reason.family in leading
    own = {k: v for k, v in parts.items() if family_of(k) == hit.reason.family}
    assert hit.reason.feature in own
    assert own[hit.reason.feature] == max(own.values())


def upper(answer: Answer, name: str, hit: Hit) -> bool:
    values = [(one.features or {})[name] for one in answer.hits]
    mine = (hit.features or {})[name]
    return mine is not None and mine >= float(np.median([v for v in values if v is not None]))


def check_reason(town: Town, answer: Answer, hit: Hit, text: str, user: str | None) -> str:
    """Compare a coded reason with the shop's own data; return its case."""
    assert hit.reason is not None
    case, *facts = hit.reason.text.split("|")
    if not case.startswith("fallback"):
        # without words the engine's order and the shares after a query are those of demand
        browsed = not text and case == "demand.popular"
        assert case.split(".")[0] == hit.reason.family or browsed
    personal = FAMILIES[hit.reason.family or ""] == "personal"
    assert hit.reason.personal == (personal and bool(history(town, user)))
    check_true(town, answer, hit, case, facts, text, user)
    return case


def check_true(
    town: Town,
    answer: Answer,
    hit: Hit,
    case: str,
    facts: list[str],
    text: str,
    user: str | None,
) -> None:
    """Compare the facts of a case with the shop's own data."""
    past, item = history(town, user), town.items[hit.id]
    named = hit.features or {}
    log, newest = town.state.history, town.config.training.history
    match case:
        case "brand.category":
            (brand, category) = facts
            both = [one for one in past if one.brand == brand and one.category == item.category]
            assert item.brand == brand and item.category[-1] == category and both
        case "brand.known":
            assert item.brand == facts[0] and facts[0] in {one.brand for one in past}
        case "category.known":
            level = item.category.index(facts[0]) + 1
            assert item.category[:level] in [one.category[:level] for one in past]
        case "usual_price.near":
            weights = [town.config.training.gains[one.type] for one in log(user, None, newest)]
            usual = np.average([log1p(one.price or 0) for one in past], weights=weights)
            assert abs(log1p(item.price or 0) - usual) <= log1p(0.25) + 1e-3
        case "again.seen":
            assert hit.id in {one.id for one in past}
        case "attributes.word":
            theirs = {one.attributes.get("colour") for one in past}
            assert item.attributes.get("colour") == facts[0] and facts[0] in theirs
        case "together.item" | "alike.item" | "goes_with.item":
            titles = {one.title for one in past if one.id != hit.id}
            assert any(title.startswith(facts[0].removesuffix("…")) for title in titles)
        case "match.all":
            assert named["match.text_share"] == 1.0 and facts == [text]
        case "match.some":
            assert ((named["match.text_share"] or 0) > 0 or hit.lexical) and facts == [text]
        case "searches.same":
            assert facts == [text] and (named["query.interactions_180d"] or 0) > 0
        case "searches.like":
            assert facts == [text] and (named["similar.wide_180d"] or 0) > 0
        case "searched_category.known":
            assert facts == [text, item.category[-1]]
        case "meaning.near" | "results.near":
            name = "query.vector" if case == "meaning.near" else "neighbourhood.vector"
            assert facts == [text] and upper(answer, name, hit)
        case "demand.popular":
            assert (named["item.demand_30d"] or 0) > 0 and upper(answer, "item.demand_30d", hit)
        case "shown.chosen":
            assert (named["item.demand_30d"] or 0) > 0 and upper(answer, "shown.rate_30d", hit)
        case "trend.rising":
            week, month = (np.expm1(named[f"item.demand_{n}d"] or 0) for n in (7, 30))
            assert week / 7 > month / 30
        case "category_demand.known":
            assert facts == [item.category[-1]] and upper(answer, "item.category_share", hit)
        case "price.low":
            assert (named["item.price_place"] or 0) < 0.5
        case "rating.high":
            assert item.rating is not None and facts == [f"{item.rating:.1f}"] and item.rating >= 4
        case "lately.chosen":
            assert (named["item.idle_days"] or 0) <= 7
        case "fallback.personal":
            assert past
        case "fallback.query":
            assert facts == [text] and text
        case "fallback.beside" | "fallback.shop":
            assert not facts
        case _:
            raise AssertionError(f"no fact is checked of {case}")


@ASKED
@given(data=st.data())
@pytest.mark.parametrize("name", FUSIONS)
def test_every_reason_is_the_largest_contribution_s_and_true(
    data: st.DataObject, town: Town, pipelines: Pipelines, name: str
) -> None:
    user = data.draw(st.sampled_from([None, *town.users]))
    text = data.draw(st.sampled_from(["", *town.texts]))
    query = town.query(text, user)
    answer = pipelines[name].search(query, explain=Explain(reasons=True))
    same = same_for_all(answer)
    for hit in answer.hits:
        check_lead(hit, same)
        if hit.reason is not None:
            check_reason(town, answer, hit, answer.searched or text, user)


LEADING = {
    "user.brand_share": {"brand.category", "brand.known"},
    "user.category_leaf_share": {"category.known"},
    "user.price_distance": {"usual_price.near", "fallback.personal"},
    "user.seen_days_ago": {"again.seen"},
    "attributes.affinity": {"attributes.word", "fallback.personal"},
    "score.item_knn": {"together.item"},
    "score.content": {"alike.item"},
    "user.idle_days": set(),  # the same for all candidates
    "match.text_share": {"match.all", "match.some"},
    "query.vector": {"meaning.near", "fallback.query"},
    "similar.wide_share": {"searches.same", "searches.like"},
    "query.category_share": {"searched_category.known"},
    "neighbourhood.vector": {"results.near", "fallback.query"},
    "item.demand_30d": {"demand.popular", "fallback.shop"},
    "shown.rate_30d": {"shown.chosen", "fallback.shop"},
    "item.trend_week": {"trend.rising", "fallback.shop"},
    "item.category_share": {"category_demand.known", "fallback.shop"},
    "item.price": {"price.low", "fallback.shop"},
    "item.rating": {"rating.high", "fallback.shop"},
    "item.idle_days": {"lately.chosen", "fallback.shop"},
    "item.title_words": {"fallback.shop"},
}
"""A feature that alone ranks, and what may be said of it where it raises an item."""


@pytest.mark.parametrize("feature", LEADING)
def test_what_may_be_said_where_one_feature_ranks(
    town: Town, pipelines: Pipelines, feature: str
) -> None:
    fusions = {"": {**town.bundle.serving, "weighted": Weighted((feature,), (1.0,))}}
    selections = {"": Selection("weighted")}
    bundle = replace(town.bundle, fusions=fusions, selections=selections, version="one")
    pipeline = Pipeline(pipelines["vote"].config, town.engine, town.state, bundle)
    found: set[str] = set()
    for user in town.users[:8]:
        for text in ("shoes", "women's shoes"):
            answer = pipeline.search(town.query(text, user), explain=Explain(reasons=True))
            for hit in answer.hits:
                if hit.reason is not None:
                    assert hit.reason.feature == feature
                    found.add(check_reason(town, answer, hit, answer.searched or text, user))
    # a shopper's item may be unknown to the bundle: then less is said than could be
    assert LEADING[feature] <= found <= LEADING[feature] | {"fallback.personal", "fallback.query"}


@ASKED
@given(data=st.data())
def test_no_case_holds_that_is_not_so(
    data: st.DataObject, town: Town, pipelines: Pipelines
) -> None:
    user = data.draw(st.sampled_from([None, *town.users]))
    text = data.draw(st.sampled_from(["", *town.texts]))
    pipeline = pipelines["vote"]
    seen: list[Ranking] = []
    answer = pipeline.search(town.query(text, user), explain=Explain(), watch=seen.append)
    explainer = Explainer(pipeline.config.reasons, town.engine)
    facts = explainer.facts(seen[0], town.bundle, range(len(answer.hits)))
    assert facts is not None
    for hit in answer.hits:
        for family, check in CHECKS.items():
            scorer = {"alike": "score.content", "goes_with": "score.als"}.get(family)
            for case in check(facts, hit.engine_rank, scorer or "score.item_knn"):
                named = [case.facts[name] for name in CASES[case.name]]
                asked = answer.searched or text
                check_true(town, answer, hit, case.name, named, asked, user)


@ASKED
@given(data=st.data())
@pytest.mark.parametrize("name", FUSIONS)
def test_without_personalising_no_reason_is_personal(
    data: st.DataObject, town: Town, pipelines: Pipelines, name: str
) -> None:
    user = data.draw(st.sampled_from(town.users))
    text = data.draw(st.sampled_from(["", *town.texts]))
    explain = Explain(reasons=True, contributions=False)
    pipeline = pipelines[name]
    theirs = pipeline.search(town.query(text, user), personalise=False, explain=explain)
    assert not any(hit.reason and hit.reason.personal for hit in theirs.hits)
    unknown = pipeline.search(town.query(text), personalise=False, explain=explain)
    assert [hit.reason for hit in theirs.hits] == [hit.reason for hit in unknown.hits]


@ASKED
@given(data=st.data())
@pytest.mark.parametrize("name", ["weighted", "lambdamart"])
def test_beside_an_item_only_what_the_shopper_did_is_personal(
    data: st.DataObject, town: Town, pipelines: Pipelines, name: str
) -> None:
    scope = data.draw(st.sampled_from(SCOPES))
    user = data.draw(st.sampled_from([None, *town.users]))
    beside = scope in ("similar", "cross_category")
    item = data.draw(st.sampled_from(sorted(town.items))) if beside else None
    personalise = data.draw(st.booleans())
    asked = Recommend(scope=scope, user=user, item=item, now_ms=town.now_ms, k=40)
    answer = pipelines[name].recommend(
        asked, personalise=personalise, explain=Explain(reasons=True)
    )
    known = user if personalise else None
    for hit in answer.hits:
        if hit.reason is not None:
            case = check_reason(town, answer, hit, "", known)
            assert (
                item is None
                or town.items[item].title not in hit.reason.text
                or history(town, known)
            )
            assert case != "fallback.beside" or item is not None


def test_a_shopper_reads_it_in_their_language(town: Town) -> None:
    pipeline = Pipeline(town.config, town.engine, town.state, town.bundle)
    query = town.query("shoes", town.users[0])
    texts = {}
    for language in (None, "en", "zh", "zh-CN"):
        explain = Explain(0, 20, contributions=False, reasons=True, language=language)
        answer = pipeline.search(query, explain=explain)
        texts[language] = [hit.reason and hit.reason.text for hit in answer.hits]
    assert texts[None] == texts["en"] != texts["zh"] == texts["zh-CN"]
    assert all(text is None or any("\u4e00" <= c <= "\u9fff" for c in text) for text in texts["zh"])


def test_a_language_without_sentences_is_refused(town: Town) -> None:
    pipeline = Pipeline(town.config, town.engine, town.state, town.bundle)
    with pytest.raises(DataError, match="language: expected one of en, zh, found 'fr'"):
        pipeline.search(town.query("shoes"), explain=Explain(reasons=True, language="fr"))


def test_without_a_bundle_only_the_words_are_a_reason(town: Town) -> None:
    pipeline = Pipeline(town.config, town.engine, town.state)
    answer = pipeline.search(town.query("shoes"), explain=Explain(reasons=True))
    assert {hit.reason and hit.reason.text for hit in answer.hits if hit.lexical} == {
        "Matches words of “shoes”"
    }
    browsed = pipeline.search(town.query(), explain=Explain(reasons=True))
    assert {hit.reason for hit in browsed.hits} == {None}
