"""What every engine must recommend in the corner shop."""

from __future__ import annotations

from typing import Any

import pytest

from search_rerank.answer import Degraded
from search_rerank.data.item import Item
from search_rerank.engines.base import Document
from search_rerank.errors import EngineError
from search_rerank.query import Filters, Range
from search_rerank.recommend.request import Scope
from tests.recommend.corner import (
    EACH,
    ITEMS,
    NEW,
    SCORERS,
    Corner,
    bundle,
    did,
    document,
    ids,
    of,
)

SCOPES: tuple[Scope, ...] = (
    "personal",
    "trending",
    "similar",
    "cross_category",
    "recently_viewed",
)


def request(scope: Scope) -> dict[str, Any]:
    return {"scope": scope} | ({"item": "boot3"} if scope == "similar" else {})


class RecommendContract:
    """Each test is given a `corner` on one engine."""

    def test_personal_unites_what_scorers_vectors_and_demand_say(self, corner: Corner) -> None:
        corner.when(did("ann", "boot3", 1))
        found = ids(corner.ask(bundle(), user="ann", k=12))
        assert "mug3" in found  # had together
        assert NEW in found  # like the history, though unknown to the bundle
        assert "mug0" in found  # wanted by all
        assert len(found) == len(set(found)) == 12

    def test_the_cascade_orders_the_candidates(self, corner: Corner) -> None:
        corner.when(did("ann", "boot3", 1))
        for column, best in (("item.price", "lamp7"), ("score.item_knn", "mug3")):
            answer = corner.ask(bundle(column), user="ann")
            found = ids(answer)
            assert found[0] in (best, best.replace("lamp", "boot"), best.replace("lamp", "mug"))
            assert answer.bundle == "b1"
            assert [hit.score for hit in answer.hits if not hit.explored] == sorted(
                (hit.score for hit in answer.hits if not hit.explored), reverse=True
            )

    def test_what_was_bought_is_not_recommended_again(self, corner: Corner) -> None:
        corner.when(did("ann", "boot0", 2, "purchase"), did("ann", "boot1", 1))
        usual = ids(corner.ask(bundle(), user="ann"))
        assert "boot0" not in usual and "boot1" in usual
        unseen = ids(corner.ask(bundle(), user="ann", exclude="seen"))
        assert {"boot0", "boot1"} & set(unseen) == set()
        assert {"boot0", "boot1"} <= set(ids(corner.ask(bundle(), user="ann", exclude="nothing")))

    def test_everyone_gets_the_same_without_personalising(self, corner: Corner) -> None:
        corner.when(did("ann", "boot0", 2, "purchase"), did("bob", "lamp1", 1))
        for scope in SCOPES:
            one, other, nobody = (
                corner.ask(bundle(), user=user, personalise=False, **request(scope))
                for user in ("ann", "bob", None)
            )
            assert one.hits == other.hits == nobody.hits
            assert one.history == 0
            assert one.basis == nobody.basis

    def test_trending_is_what_rises(self, corner: Corner) -> None:
        corner.when(*(did(f"new {n}", "lamp2", 0.1) for n in range(5)), did("new", "mug5", 0.1))
        answer = corner.ask(bundle(), scope="trending")
        assert ids(answer)[:2] == ["lamp2", "mug5"]
        assert (answer.bundle, answer.basis, answer.degraded) == (None, "popularity", [])
        assert answer.hits[0].score > answer.hits[1].score > 0
        corner.when(did("ann", "boot3", 1))
        ranked = corner.ask(bundle("item.price"), scope="trending", user="ann")
        assert (ranked.bundle, ranked.basis) == ("b1", "history")
        prices = {one.id: one.price or 0 for one in ITEMS}
        found = [prices[id_] for id_ in ids(ranked) if id_ != NEW]
        assert found == sorted(found, reverse=True)

    def test_similar_is_near_or_had_together(self, corner: Corner) -> None:
        answer = corner.ask(bundle(), scope="similar", item="boot3", k=9)
        assert "boot3" not in ids(answer)
        assert {"boot2", "boot4", "mug3"} <= set(ids(answer))
        assert (answer.basis, answer.history) == ("segment", 0)
        few = ids(corner.ask(bundle(), scope="similar", item="boot3", k=2))
        assert set(few) == {"boot4", "mug3"} or set(few) == {"boot2", "mug3"}

    def test_similar_fills_its_places_with_what_meets_the_filters(self, corner: Corner) -> None:
        """Had together with the item is a mug alone, and mugs are not asked for."""
        lamps = of(category="Shop > lamps")
        answer = corner.ask(bundle(), scope="similar", item="boot3", filters=lamps, k=2)
        assert len(answer.hits) == 2 and all("lamp" in id_ for id_ in ids(answer))

    def test_similar_needs_neither_bundle_nor_vector(self, corner: Corner) -> None:
        nearest = ids(corner.ask(None, scope="similar", item="boot3", k=7))
        assert set(nearest) <= {f"boot{n}" for n in range(EACH)} | {NEW}
        away = [abs(int(id_[-1]) - 3) for id_ in nearest if id_ != NEW]
        assert away == sorted(away)  # nearest first, where nothing reranks them
        live = next(version.name for version in corner.engine.versions() if version.live)
        plain = Item(id="plain", title="a lamp of no vector")
        corner.engine.write(live, [Document(plain)])
        corner.engine.finish(live)
        found = ids(corner.ask(bundle(), scope="similar", item="plain"))
        corner.engine.delete(live, ["plain"])
        corner.engine.finish(live)
        assert set(found) == {f"lamp{n}" for n in range(EACH)}

    def test_what_is_like_an_item_that_the_bundle_lacks_comes_nearest_first(
        self, corner: Corner
    ) -> None:
        found = ids(corner.ask(bundle("item.price"), scope="similar", item=NEW, k=EACH))
        assert found == [f"boot{n}" for n in range(EACH)]

    def test_what_is_similar_counts_as_looked_at(self, corner: Corner) -> None:
        by_neighbours = corner.ask(bundle("score.item_knn"), scope="similar", item="boot3")
        assert ids(by_neighbours)[0] == "mug3"

    def test_cross_category_leaves_the_departments_of_the_history(self, corner: Corner) -> None:
        corner.when(did("ann", "boot3", 1))
        learnt = bundle("score.cross_category", (*SCORERS, "cross_category"))
        answer = corner.ask(learnt, scope="cross_category", user="ann")
        assert answer.degraded == []
        assert answer.hits and all("boot" not in id_ for id_ in ids(answer))
        assert set(ids(answer)[:6]) == {f"mug{n}" for n in range(6)}  # those that sold
        of_item = corner.ask(learnt, scope="cross_category", user="ann", item="mug2")
        assert of_item.hits and all("mug" not in id_ for id_ in ids(of_item))

    def test_without_its_scorer_cross_category_is_what_was_had_together(
        self, corner: Corner
    ) -> None:
        corner.when(did("ann", "boot3", 1))
        answer = corner.ask(bundle(), scope="cross_category", user="ann")
        assert "mug3" in ids(answer) and all("boot" not in id_ for id_ in ids(answer))
        (told,) = answer.degraded
        assert told.stage == "candidates.cross_category"
        assert "no scorer cross_category" in told.reason
        unrelated = corner.ask(bundle(), scope="cross_category", item="lamp6")
        assert unrelated.hits and all("lamp" not in id_ for id_ in ids(unrelated))

    def test_recently_viewed_is_the_history_newest_first(self, corner: Corner) -> None:
        corner.when(
            did("ann", "boot3", 3),
            did("ann", "lamp1", 2),
            did("ann", "gone", 1.5),
            did("ann", "boot3", 1, "cart"),
            did("ann", NEW, 0.5),
        )
        answer = corner.ask(bundle(), scope="recently_viewed", user="ann")
        assert ids(answer) == [NEW, "boot3", "lamp1"]
        assert (answer.bundle, answer.basis, answer.degraded) == (None, "history", [])
        assert ids(corner.ask(bundle(), scope="recently_viewed", user="ann", k=2)) == [NEW, "boot3"]
        nobody = corner.ask(bundle(), scope="recently_viewed", user="nobody")
        assert (list(nobody.hits), nobody.basis) == ([], None)

    @pytest.mark.parametrize("scope", SCOPES)
    def test_filters_and_stock_hold(self, corner: Corner, scope: Scope) -> None:
        corner.when(*(did("ann", f"boot{n}", n) for n in range(1, EACH)))
        filters = Filters({"in_stock": ("true",)}, {"price": Range(lte=50)})
        answer = corner.ask(bundle(), user="ann", filters=filters, **request(scope))
        assert answer.hits
        met = {one.id for one in ITEMS if one.in_stock and (one.price or 0) <= 50} | {NEW}
        assert set(ids(answer)) <= met
        assert answer.total == len(answer.hits)

    def test_variants_are_one_where_asked(self, corner: Corner) -> None:
        live = next(version.name for version in corner.engine.versions() if version.live)
        twins = [one.model_copy(update={"group_id": "twin"}) for one in ITEMS if one.id[-1] == "1"]
        corner.engine.write(live, [document(one) for one in twins])
        corner.engine.finish(live)
        found = ids(corner.ask(bundle(), user="ann", collapse=True))
        whole = ids(corner.ask(bundle(), user="ann"))
        corner.engine.write(live, [document(one) for one in ITEMS if one.id[-1] == "1"])
        corner.engine.finish(live)
        names = {one.id for one in twins}
        assert len(names & set(whole)) == 3 and len(names & set(found)) == 1
        assert set(whole) - names == set(found) - names

    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_filter_by_id_holds_too(self, corner: Corner, scope: Scope) -> None:
        corner.when(did("ann", "boot3", 1), did("ann", "mug1", 2))
        wanted = {"mug1", "mug2", "boot2", "lamp1"}
        asked = Filters({"id": tuple(wanted)})
        answer = corner.ask(bundle(), user="ann", filters=asked, **request(scope))
        assert set(ids(answer)) <= wanted
        assert answer.hits

    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_field_that_is_none_is_refused(self, corner: Corner, scope: Scope) -> None:
        corner.when(did("ann", "boot3", 1))
        asked = of(**{"attributes.nope": "x"})
        with pytest.raises(EngineError, match="attributes.nope"):
            corner.ask(bundle(), user="ann", filters=asked, **request(scope))
        if scope == "similar":  # nor where there is nothing but the vector to go by
            with pytest.raises(EngineError, match="attributes.nope"):
                corner.ask(bundle(), scope="similar", item="lamp6", filters=asked)

    def test_similar_to_what_is_gone(self, corner: Corner) -> None:
        with pytest.raises(EngineError, match="found no item 'gone'"):
            corner.ask(bundle(), scope="similar", item="gone")

    def test_an_item_that_the_index_lost_does_not_appear(self, corner: Corner) -> None:
        live = next(version.name for version in corner.engine.versions() if version.live)
        corner.when(did("ann", "boot3", 1), did("mia", "mug3", 2))
        asked = [
            request(scope) | {"user": "mia" if scope == "recently_viewed" else "ann"}
            for scope in SCOPES
        ]
        assert all("mug3" in ids(corner.ask(bundle(), **one)) for one in asked)
        corner.engine.delete(live, ["mug3"])
        corner.engine.finish(live)
        after = [ids(corner.ask(bundle(), **one)) for one in asked]
        corner.engine.write(live, [document(one) for one in ITEMS if one.id == "mug3"])
        corner.engine.finish(live)
        assert not any("mug3" in found for found in after)
        assert all("mug3" in ids(corner.ask(bundle(), **one)) for one in asked)

    @pytest.mark.parametrize("scope", SCOPES)
    def test_without_a_bundle_there_is_an_answer(self, corner: Corner, scope: Scope) -> None:
        corner.when(did("ann", "boot3", 1))
        answer = corner.ask(None, user="ann", **request(scope))
        assert answer.hits
        assert answer.bundle is None
        stages = [part.stage for part in answer.degraded]
        assert stages == ([] if scope == "recently_viewed" else ["rank"])

    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_state_that_is_away_costs_the_history_only(
        self, corner: Corner, scope: Scope, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> None:
            raise OSError("disk full")

        for method in ("history", "item_counts", "query_counts"):
            monkeypatch.setattr(corner.state, method, away)
        answer = corner.ask(bundle(), user="ann", **request(scope))
        assert answer.degraded[0] == Degraded("state", "OSError")
        assert bool(answer.hits) == (scope != "recently_viewed")

    def test_a_scorer_that_fails_is_named(
        self, corner: Corner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        learnt = bundle()

        def broken(*_: object) -> None:
            raise RuntimeError("broken on purpose")

        monkeypatch.setattr(type(learnt.scorers[1]), "score", broken)
        corner.when(did("ann", "boot3", 1))
        answer = corner.ask(learnt, user="ann")
        names = [part.stage for part in answer.degraded]
        assert names == ["candidates.item_knn", "score.item_knn"]
        assert len(answer.hits) > EACH and answer.bundle == "b1"
