"""What the corner shop recommends while its engine is away."""

from __future__ import annotations

from typing import Any

import pytest

from search_rerank.answer import Degraded
from search_rerank.errors import EngineUnavailable
from search_rerank.last_good import LastGood
from search_rerank.recommend.request import Recommend, Scope
from tests.recommend.contract import SCOPES, request
from tests.recommend.corner import ITEMS, NOW_MS, Corner, bundle, did, ids, of

STALE = Degraded("retrieve", "stale")


@pytest.fixture
def leave(corner: Corner, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what takes the engine away."""

    def away(*_: object) -> None:
        raise EngineUnavailable("no answer within 5 s")

    def leave() -> None:
        for method in ("retrieve", "score", "lookup"):
            monkeypatch.setattr(corner.engine, method, away)

    return leave


class AwayContract:
    """Each test is given a `corner` on one engine."""

    @pytest.mark.parametrize("scope", SCOPES)
    def test_it_is_an_error_where_nothing_is_known(
        self, corner: Corner, scope: Scope, leave: Any
    ) -> None:
        corner.when(did("ann", "boot3", 1))
        leave()
        with pytest.raises(EngineUnavailable, match="no answer"):
            corner.ask(bundle(), user="ann", **request(scope))

    def test_what_was_in_demand_is_ranked_for_who_asks(self, corner: Corner, leave: Any) -> None:
        corner.when(did("ann", "boot0", 2, "purchase"), did("ann", "boot3", 1))
        pipeline = corner.pipeline(bundle("score.item_knn"))
        pipeline.last_good = LastGood(8, 60)
        pipeline.recommend(Recommend(k=30, now_ms=NOW_MS))
        leave()
        found = pipeline.recommend(Recommend(user="ann", k=30, now_ms=NOW_MS))
        assert STALE in found.degraded
        assert (found.bundle, found.basis) == ("b1", "history")
        assert ids(found)[:2] == ["mug0", "mug3"]  # had together with what she bought, looked at
        assert "boot0" not in ids(found)  # bought
        trending = pipeline.recommend(Recommend("trending", now_ms=NOW_MS, k=30))
        assert ids(trending)[0] == "boot0" and STALE in trending.degraded

    def test_what_was_viewed_is_shown_as_far_as_it_is_known(
        self, corner: Corner, leave: Any
    ) -> None:
        corner.when(*(did("ann", id_, days) for days, id_ in enumerate(("mug1", "boot3", "mug2"))))
        pipeline = corner.pipeline(bundle())
        pipeline.last_good = LastGood(8, 60)
        pipeline.last_good.keep_items([one for one in ITEMS if one.id in ("mug1", "mug2")])
        leave()
        found = pipeline.recommend(Recommend("recently_viewed", user="ann", now_ms=NOW_MS))
        assert ids(found) == ["mug1", "mug2"] and STALE in found.degraded

    @pytest.mark.parametrize(
        "asked", [{"scope": "similar", "item": "boot3"}, {"filters": of(category="Shop > lamps")}]
    )
    def test_neither_an_item_nor_filters_are_guessed_at(
        self, corner: Corner, asked: Any, leave: Any
    ) -> None:
        pipeline = corner.pipeline(bundle())
        pipeline.last_good = LastGood(8, 60)
        pipeline.recommend(Recommend(now_ms=NOW_MS))
        leave()
        with pytest.raises(EngineUnavailable, match="no answer"):
            pipeline.recommend(Recommend(now_ms=NOW_MS, **asked))
