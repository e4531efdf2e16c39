"""Requests under rules, on the corner shop: what is asked, put in, left out, moved, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_rerank.answer import Answer, Team
from search_rerank.config import Config
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine, IndexSchema
from search_rerank.errors import EngineError
from search_rerank.hits import make_hits
from search_rerank.pipeline import Pipeline
from search_rerank.query import Candidates, Facet, Filters, Query, Range, Sort
from search_rerank.ranking import Ranking, Ruled
from search_rerank.recommend.request import Recommend
from search_rerank.rules.boost import Boost
from search_rerank.rules.reading import parse_rules
from tests.engines.conftest import on_a_server
from tests.recommend.corner import (
    ITEMS,
    NOW_MS,
    Corner,
    Encoder,
    bundle,
    did,
    document,
    fill,
    ids,
    of,
)

BOOTS = [f"boot{n}" for n in (0, 1, 2, 3, 4, 5)] + ["new-boot", "boot6", "boot7"]
"""What the corner answers to `boot`: by demand, then as the engine has them."""


@pytest.fixture(scope="class")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = open_engine(Config(home=tmp_path_factory.mktemp("corner")))
    fill(engine)
    yield engine
    engine.close()


Ask = Callable[..., Answer]


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Callable[..., Pipeline]:
    """Return what opens the shop under rules."""
    corner = Corner.on(engine, tmp_path)

    def opened(*rules: dict[str, Any], ranks: bool = True) -> Pipeline:
        (tmp_path / "rules.json").write_bytes(parse_rules(list(rules)).to_json())
        return corner.pipeline(bundle() if ranks else None)

    return opened


def search(pipeline: Pipeline, text: str = "boot", **asked: Any) -> Answer:
    personalise = asked.pop("personalise", True)
    query = Query(text, now_ms=NOW_MS, **asked)
    return pipeline.search(query, personalise=personalise)


def pin(id_: str, places: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "pin", "places": places} | more


def on(id_: str, kind: str, where: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": kind, "where": where} | more


def hide(id_: str, *items: str, **more: Any) -> dict[str, Any]:
    return on(id_, "hide", {"terms": {"id": list(items)}}, **more)


def without(order: Sequence[str], *items: str) -> list[str]:
    return [id_ for id_ in order if id_ not in items]


MAKER_1 = {"terms": {"brand": "maker 1"}}
Shop = Callable[..., Pipeline]


class TestSearch:
    def test_without_rules_nothing_is_told(self, shop: Shop) -> None:
        answer = search(shop())
        assert ids(answer) == BOOTS and answer.rules == ()
        assert all(hit.rules == () and hit.rank_before_rules is None for hit in answer.hits)
        assert "rules" not in answer.timings_ms

    def test_a_rule_whose_conditions_do_not_hold_does_nothing(self, shop: Shop) -> None:
        answer = search(shop(pin("a", {"boot5": 1}, when={"query": {"exact": ["mug"]}})))
        assert ids(answer) == BOOTS and answer.rules == ()

    def test_a_pin_moves_what_was_found(self, shop: Shop) -> None:
        answer = search(shop(pin("a", {"boot5": 1})))
        assert ids(answer) == ["boot5", *without(BOOTS, "boot5")]
        first, second = answer.hits[:2]
        assert (first.rules, first.rank_before_rules) == (("a",), 5)
        assert (second.rules, second.rank_before_rules) == ((), 0)
        assert [(use.id, use.kind, use.items) for use in answer.rules] == [("a", "pin", ("boot5",))]

    def test_a_pin_puts_in_what_was_not_found(self, shop: Shop) -> None:
        pipeline = shop(pin("a", {"mug3": 2, "not there": 1}))
        answer = search(pipeline)
        assert ids(answer) == ["boot0", "mug3", *BOOTS[1:]]
        put_in = answer.hits[1]
        assert put_in.rank_before_rules is None and put_in.engine_rank == len(BOOTS)
        assert answer.total == len(BOOTS) and answer.degraded == []
        seen: list[Ranking] = []
        pipeline.search(Query("boot", now_ms=NOW_MS), watch=seen.append)
        (ranking,) = seen
        assert ranking.table is not None  # the model has an opinion on it, as on all others
        boot, mug = (int(row) for row in ranking.order[:2])
        demand = ranking.table.column("item.demand_30d")
        assert demand[boot] > demand[mug] > 0

    def test_what_is_put_in_scores_no_higher_than_what_was_found(self, shop: Shop) -> None:
        answer = search(shop(pin("a", {"mug3": 2}), ranks=False))
        scores = {hit.id: hit.score for hit in answer.hits}
        assert ids(answer)[1] == "mug3" and scores.pop("mug3") <= min(scores.values())

    def test_what_is_put_in_answers_what_nothing_else_does(self, shop: Shop) -> None:
        answer = search(shop(pin("a", {"mug3": 1, "mug4": 2})), "zeppelin")
        assert ids(answer) == ["mug3", "mug4"] and answer.total == 2

    def test_a_pin_meets_the_filters_of_the_request(self, shop: Shop) -> None:
        pins = pin("a", {"mug3": 1, "mug2": 2})  # 3 is of maker 1, 2 of maker 0
        answer = search(shop(pins), filters=of(brand="maker 0"))
        assert ids(answer)[:3] == ["boot0", "mug2", "boot2"]

    def test_what_is_hidden_is_not_pinned(self, shop: Shop) -> None:
        pins = pin("pin", {"boot5": 1, "mug3": 2, "mug2": 3}, priority=9)
        answer = search(shop(pins, hide("by-id", "boot5", "mug2")))
        assert ids(answer) == ["boot0", "mug3", *without(BOOTS[1:], "boot5")]
        answer = search(shop(pins, on("of-a-brand", "hide", MAKER_1)))
        assert ids(answer) == ["boot0", "boot2", "mug2", "boot4", "new-boot", "boot6"]

    def test_nor_what_is_hidden_from_such_shoppers(self, shop: Shop) -> None:
        rule = on("new", "hide", MAKER_1, when={"segments": ["new_visitor"]})
        pins = pin("pin", {"boot5": 1, "mug3": 2, "mug2": 3})
        answer = search(shop(pins, rule))
        assert ids(answer) == ["boot0", "boot2", "mug2", "boot4", "new-boot", "boot6"]
        known = search(shop(pins, rule), user="buyer 0 0")
        assert ids(known)[:3] == ["boot5", "mug3", "mug2"] and len(known.hits) == 11
        assert known.total == 9 and answer.total == 5
        nobody = search(shop(pins, rule), user="buyer 0 0", personalise=False)
        assert ids(nobody) == ids(answer)

    def test_what_is_hidden_is_not_counted(self, shop: Shop) -> None:
        asked = {"facets": (Facet("brand"), Facet("price", "statistics"))}
        answer = search(shop(on("a", "hide", MAKER_1)), **asked)
        expected = search(shop(), filters=Filters(none_of=(of(brand="maker 1"),)), **asked)
        assert ids(answer) == ids(expected) == without(BOOTS, "boot1", "boot3", "boot5", "boot7")
        assert (answer.total, answer.facets) == (expected.total, expected.facets)
        assert answer.total == 5 and answer.facets["brand"] == [("maker 0", 4)]
        assert answer.statistics == expected.statistics

    def test_a_filter_shows_nothing_else(self, shop: Shop) -> None:
        answer = search(shop(on("a", "filter", {"ranges": {"price": {"lte": 30}}})))
        assert ids(answer) == ["boot0", "boot1", "boot2", "new-boot"] and answer.total == 4
        own = search(
            shop(on("a", "filter", {"ranges": {"price": {"lte": 30}}})),
            filters=Filters(ranges={"price": Range(gte=20)}),
        )
        assert ids(own) == ["boot1", "boot2"]

    def test_rules_are_applied_by_priority_then_id(self, shop: Shop) -> None:
        cap = {"id": "cap", "kind": "cap", "by": "brand", "most": 1, "first": 2}
        boost = on("boost", "boost", MAKER_1, places=9)
        first = search(shop(boost, cap | {"priority": 1}))
        assert [use.id for use in first.rules] == ["boost", "cap"]
        assert ids(first)[:3] == ["boot1", "boot0", "boot3"]
        last = search(shop(boost | {"priority": 1}, cap))
        assert [use.id for use in last.rules] == ["cap", "boost"]
        assert ids(last)[:4] == ["boot1", "boot3", "boot5", "boot7"]
        by_id = search(shop(boost, cap))
        assert [use.id for use in by_id.rules] == ["boost", "cap"]
        assert last.hits[0].rules == ("boost",)

    def test_pins_survive_all_but_hiding(self, shop: Shop) -> None:
        rules = [
            pin("pin", {"boot7": 1, "boot5": 2, "boot3": 3}, priority=-9),
            on("bury", "bury", {"terms": {"id": "boot7"}}, places=1000, priority=9),
            {"id": "cap", "kind": "cap", "by": "brand", "most": 1, "first": 5, "priority": 9},
            {"id": "mix", "kind": "diversify", "by": "brand", "most": 1, "window": 2},
            on("share", "exposure", {"terms": {"brand": "maker 0"}}, share=0.9, priority=9),
            {"id": "cheap", "kind": "favour", "by": "price", "prefer": "low", "priority": 9},
        ]
        answer = search(shop(*rules))
        assert ids(answer)[:3] == ["boot7", "boot5", "boot3"]
        assert sorted(ids(answer)) == sorted(BOOTS)
        assert answer.hits[0].rules[-1] == "pin"

    def test_the_pin_of_the_higher_priority_has_the_place(self, shop: Shop) -> None:
        pins = [pin("a", {"boot5": 1}, priority=1), pin("b", {"boot4": 1}), pin("c", {"boot4": 9})]
        answer = search(shop(pins[0], pins[1]))
        assert ids(answer)[:3] == ["boot5", "boot4", "boot0"]

    def test_an_exposure_is_measured(self, shop: Shop) -> None:
        share = on("share", "exposure", MAKER_1, share=0.6, first=5)
        (use,) = search(shop(share)).rules
        before, after = use.measured["exposure"]
        assert before < 0.6 <= after

    def test_an_order_of_the_shoppers_own_is_kept(self, shop: Shop) -> None:
        rules = [
            pin("pin", {"mug3": 1, "boot7": 2}),
            on("boost", "boost", MAKER_1),
            hide("hide", "boot3"),
            on("new", "hide", {"terms": {"id": "boot4"}}, when={"segments": ["new_visitor"]}),
        ]
        answer = search(shop(*rules), sort=(Sort("price"),))
        assert ids(answer) == ["boot0", "new-boot", "boot1", "boot2", "boot5", "boot6", "boot7"]
        assert [use.id for use in answer.rules] == ["hide", "new"]

    def test_of_a_collapsed_product_the_pinned_variant_is_shown(
        self, tmp_path: Path, shop: Shop
    ) -> None:
        engine = open_engine(Config(home=tmp_path / "variants"))
        version = engine.create(IndexSchema(4, Encoder.fingerprint))
        one = [item.model_copy(update={"group_id": f"g{item.id[-1]}"}) for item in ITEMS]
        engine.write(version, [document(item) for item in one])
        engine.seal(version)
        engine.promote(version)
        corner = Corner.on(engine, tmp_path)
        rules = parse_rules([pin("a", {"mug3": 1})])
        (tmp_path / "rules.json").write_bytes(rules.to_json())
        pipeline = corner.pipeline(bundle())
        answer = search(pipeline, collapse=True)
        found = ids(answer)
        assert found[0] == "mug3" and "boot3" not in found and "boot2" in found
        assert "boot3" in ids(search(pipeline))
        engine.close()

    def test_the_watch_sees_what_is_shown_and_what_was_ranked(self, shop: Shop) -> None:
        seen: list[Ranking] = []
        shop(pin("a", {"mug3": 1}), hide("b", "boot0")).search(
            Query("boot", now_ms=NOW_MS), watch=seen.append
        )
        (ranking,) = seen
        assert ranking.moment is not None and ranking.table is not None
        shown = [ranking.moment.candidates.ids[row] for row in ranking.order.tolist()]
        assert shown == ["mug3", *BOOTS[1:]]
        assert len(ranking.table) == len(ranking.moment.candidates) == len(shown)
        assert not ranking.moment.query.filters  # those of the shopper, not of the shop

    def test_the_text_that_was_searched_counts_too(self, shop: Shop) -> None:
        rules = [pin("a", {"mug3": 1}, when={"query": {"exact": ["boot number"]}})]
        answer = search(shop(*rules), "boot numbr")
        assert answer.searched == "boot number" and ids(answer)[0] == "mug3"
        assert ids(search(shop(*rules), "boot"))[0] == "boot0"

    def test_a_category_that_is_filtered_by(self, shop: Shop) -> None:
        rules = [pin("a", {"boot5": 1}, when={"category": ["Shop"]})]
        assert ids(search(shop(*rules), filters=of(category="Shop > boots")))[0] == "boot5"
        assert ids(search(shop(*rules)))[0] == "boot0"


class TestWhatFails:
    def test_a_rule_that_fails_costs_nothing_else(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pipeline = shop(on("bad", "boost", MAKER_1), pin("pin", {"boot5": 1}), hide("h", "boot0"))
        monkeypatch.setattr(Boost, "apply", lambda *_: 1 / 0)
        answer = search(pipeline)
        assert ids(answer) == ["boot5", *without(BOOTS, "boot5", "boot0")]
        told = [(one.stage, one.reason) for one in answer.degraded]
        assert told == [("rules.bad", "ZeroDivisionError")]
        assert [use.id for use in answer.rules] == ["h", "pin"]

    def test_where_the_engine_does_not_tell_fields_ids_still_count(
        self, shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> None:
            raise EngineError("away")

        pipeline = shop(
            on("boost", "boost", MAKER_1),
            {"id": "cap", "kind": "cap", "by": "brand", "most": 1},
            on("bury", "bury", {"terms": {"id": "boot0"}}, places=2),
            pin("pin", {"boot5": 1, "mug3": 2}),
        )
        monkeypatch.setattr(engine, "hashes", away)
        monkeypatch.setattr(engine, "items", away)
        answer = search(pipeline)
        assert ids(answer)[:4] == ["boot5", "boot1", "boot2", "boot0"]
        assert sorted(one.stage for one in answer.degraded) == [
            "rules.boost",
            "rules.cap",
            "rules.pin",
        ]

    def test_a_field_that_the_index_cannot_filter_on(self, shop: Shop) -> None:
        where = {"terms": {"attributes.colour": "red", "id": ["boot0", "boot1"]}}
        answer = search(shop(on("a", "hide", {"any_of": [where, {"terms": {"id": "boot2"}}]})))
        assert ids(answer) == without(BOOTS, "boot2") and answer.total == 8
        (told,) = answer.degraded
        assert told.stage == "rules.a" and "has not the fields" in told.reason

    def test_an_index_that_has_just_changed(
        self, shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pipeline = shop(on("a", "hide", {"terms": {"attributes.since": ["1"]}}), hide("b", "boot0"))
        retrieve = engine.retrieve

        def other(request: Any, version: str | None = None) -> Any:
            if request.filters:
                raise EngineError("cannot filter by value of 'attributes.since'")
            return retrieve(request, version)

        monkeypatch.setattr(engine, "retrieve", other)
        answer = search(pipeline)
        assert ids(answer) == BOOTS[1:] and answer.total == 8
        assert [one.stage for one in answer.degraded] == ["rules.a", "rules.b"]

    def test_what_the_engine_has_no_room_for_is_left_out_afterwards(self, shop: Shop) -> None:
        many = [hide(f"h{n:02}", *(f"x{m}" for m in range(100))) for n in range(20)]
        last = [hide(f"i{n}", f"boot{n}", *(f"x{m}" for m in range(99))) for n in range(4)]
        answer = search(shop(*many, *last))
        assert ids(answer) == BOOTS[4:] and answer.total == 5 and answer.degraded == []
        assert [use.items for use in answer.rules[-4:]] == [(f"boot{n}",) for n in range(4)]


class TestRecommend:
    def recommend(self, pipeline: Pipeline, **asked: Any) -> list[str]:
        return ids(pipeline.recommend(Recommend(now_ms=NOW_MS, **asked)))

    def test_rules_hold_there_unless_they_say_otherwise(self, shop: Shop) -> None:
        first = self.recommend(shop(), user="buyer 0 0")
        pins = pin("a", {first[3]: 1})
        assert self.recommend(shop(pins), user="buyer 0 0")[:2] == [first[3], first[0]]
        only = pins | {"when": {"on": ["search"]}}
        assert self.recommend(shop(only), user="buyer 0 0") == first

    def test_what_is_hidden_makes_the_choice_no_poorer(self, shop: Shop) -> None:
        first = self.recommend(shop(), user="buyer 0 0")
        found = self.recommend(shop(hide("a", first[0])), user="buyer 0 0")
        assert found == first[1:]

    def test_a_filter_is_one_of_the_request(self, shop: Shop) -> None:
        found = self.recommend(shop(on("a", "filter", MAKER_1)))
        assert found == self.recommend(shop(), filters=of(brand="maker 1")) and found

    def test_the_item_of_the_page_is_not_pinned_to_it(self, shop: Shop) -> None:
        pins = pin("a", {"boot3": 1, "mug3": 2})
        found = self.recommend(shop(pins), scope="similar", item="boot3")
        assert found[1] == "mug3" and "boot3" not in found

    def test_what_was_viewed_keeps_its_order(self, shop: Shop, engine: Engine) -> None:
        pipeline = shop(pin("a", {"mug3": 1, "boot0": 1 + 1}), hide("b", "boot1"))
        pipeline.state.append([did("u", f"boot{n}", 1 - n / 10) for n in range(3)])
        assert self.recommend(pipeline, scope="recently_viewed", user="u") == ["boot2", "boot0"]

    def test_similar(self, shop: Shop) -> None:
        near = ids(shop().similar("boot3", 4))
        pipeline = shop(hide("a", near[0]), pin("b", {"mug3": 1}))
        assert ids(pipeline.similar("boot3", 3)) == near[1:]
        timed = hide("a", near[0], when={"time": {"from": "2020-01-01T00:00:00Z"}})
        assert ids(shop(timed).similar("boot3", 3, NOW_MS)) == near[1:]


def test_who_chose_a_pinned_item_of_an_interleaved_list() -> None:
    none = np.zeros(3, dtype=np.float32)
    found = Candidates(["a", "b", "c"], none, none, none)
    ruled = Ruled(np.arange(3), {0: ("boost",), 2: ("pin",)}, (), frozenset({2}))
    teams: dict[int, Team] = {0: "a", 1: "b", 2: "a"}
    hits = make_hits(found, none, np.array([2, 0, 1]), teams=teams, ruled=ruled)
    assert [hit.team for hit in hits] == [None, "a", "b"]
    assert [hit.rules for hit in hits] == [("pin",), ("boost",), ()]
    assert [hit.rank_before_rules for hit in hits] == [2, 0, 1]


@pytest.mark.elasticsearch
class TestSearchOnElasticsearch(TestSearch):
    """The same on a server."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
        with on_a_server(tmp_path_factory.mktemp("corner")) as config:
            engine = open_engine(config)
            fill(engine)
            yield engine
            engine.close()
