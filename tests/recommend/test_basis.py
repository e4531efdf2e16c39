"""The rungs of the ladder of cold start, each in a shop where it is known to be the one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search_rerank.basis import basis_of, filters_category
from search_rerank.query import Filters, Query, Sort
from tests.recommend.corner import NEW, NOW_MS, Corner, bundle, did, ids, of

BOOTS = of(category="Shop > boots")


@pytest.mark.parametrize(
    ("in_session", "context", "expected"),
    [
        ([False, True], False, "history"),
        ([False], True, "history"),
        ([True, True], True, "session"),
        ([], True, "segment"),
        ([], False, "popularity"),
    ],
)
def test_the_rungs(in_session: list[bool], context: bool, expected: str) -> None:
    assert basis_of(in_session, context) == expected


def test_a_category_is_a_context_where_all_items_must_be_of_it() -> None:
    assert filters_category(BOOTS)
    assert filters_category(Filters(all_of=(Filters(all_of=(BOOTS,)),)))
    assert not filters_category(Filters(any_of=(BOOTS,), none_of=(BOOTS,)))
    assert not filters_category(of(brand="maker 1"))


class TestLadder:
    def both(self, corner: Corner, **asked: Any) -> set[str | None]:
        """Return the basis of a search for nothing and of a personal recommendation."""
        personalise = asked.pop("personalise", True)
        searched = corner.pipeline(bundle()).search(
            Query(now_ms=NOW_MS, **asked), personalise=personalise
        )
        return {searched.basis, corner.ask(bundle(), personalise=personalise, **asked).basis}

    def test_history(self, corner: Corner) -> None:
        corner.when(did("ann", "boot3", 1, session="today"), did("ann", "mug1", 9))
        assert self.both(corner, user="ann", session="today") == {"history"}
        assert self.both(corner, user="ann", session="another", filters=BOOTS) == {"history"}

    def test_session(self, corner: Corner) -> None:
        corner.when(did(None, "boot3", 0.1, session="today"))
        assert self.both(corner, session="today") == {"session"}
        corner.when(did("ann", "boot3", 0.1, session="first"))
        assert self.both(corner, user="ann", session="first") == {"session"}
        assert self.both(corner, user="ann", session="second") == {"history"}

    def test_segment_of_a_category(self, corner: Corner) -> None:
        assert self.both(corner, user="new", session="s", filters=BOOTS) == {"segment"}
        corner.when(did("ann", "boot3", 1))
        found = self.both(corner, user="ann", filters=BOOTS, personalise=False)
        assert found == {"segment"}

    def test_segment_of_a_query(self, corner: Corner) -> None:
        pipeline = corner.pipeline(bundle())
        asked = Query("Boot", user="new", now_ms=NOW_MS)
        assert pipeline.search(asked).basis == "popularity"
        corner.when(did("ann", "boot3", 1, query="boot"))
        assert pipeline.search(asked).basis == "segment"
        assert pipeline.search(replace(asked, text="mug")).basis == "popularity"

    def test_popularity(self, corner: Corner) -> None:
        assert self.both(corner, user="new", session="s") == {"popularity"}
        assert self.both(corner, filters=of(brand="maker 1")) == {"popularity"}
        corner.when(did("ann", "boot3", 1))
        assert self.both(corner, user="ann", personalise=False) == {"popularity"}

    def test_a_category_without_demand_is_no_segment(self, corner: Corner) -> None:
        """Of the two last boots nobody did anything: there is nothing to go by in that corner."""
        unsold = Filters({"category": ("Shop > boots",), "id": ("boot6", "boot7")})
        assert self.both(corner, filters=unsold) == {"popularity"}

    def test_a_history_that_the_bundle_does_not_know_is_none(self, corner: Corner) -> None:
        corner.when(did("ann", "gone", 1))
        assert self.both(corner, user="ann") == {"popularity"}

    def test_where_nothing_ranked_there_is_none(self, corner: Corner) -> None:
        corner.when(did("ann", "boot3", 1))
        sorted_ = Query(user="ann", sort=(Sort("price"),), now_ms=NOW_MS)
        assert corner.pipeline(bundle()).search(sorted_).basis is None
        assert corner.pipeline(None).search(Query(user="ann", now_ms=NOW_MS)).basis is None
        assert corner.ask(None, user="ann").basis == "popularity"
        assert corner.ask(None, user="ann", filters=BOOTS).basis == "segment"

    def test_the_last_rungs_are_demand_of_the_segment_and_of_the_shop(self, corner: Corner) -> None:
        whole = ids(corner.ask(bundle(), user="new"))
        assert [set(whole[:2]), set(whole[2:4])] == [{"boot0", "mug0"}, {"boot1", "mug1"}]
        boots = ids(corner.ask(bundle(), user="new", filters=BOOTS))
        sold = [id_ for id_ in boots if id_ != NEW]
        assert sold[:6] == [f"boot{n}" for n in range(6)]

    def test_one_click_reaches_what_is_new_by_content(self, corner: Corner) -> None:
        """The item is in no log: only its vector says that it is like a boot."""
        assert ids(corner.ask(bundle("score.content"), user="new", k=5)).count(NEW) == 0
        corner.when(did(None, "boot3", 0.1, session="today"))
        answer = corner.ask(bundle("score.content"), session="today", k=12)
        assert answer.basis == "session"
        assert NEW in ids(answer)
