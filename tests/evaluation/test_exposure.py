import numpy as np
import pytest

from search_rerank.evaluation.exposure import (
    GroupExposure,
    exposure_by_group,
    place_worth,
    shares_of,
)

FIRST, SECOND = 1 / np.log2(2), 1 / np.log2(3)
BRANDS = ["Acme", "Bolt", "Core"]
OF_ITEM = np.array([0, 0, 1, -1, 2])
"""Items 0 and 1 are of Acme, 2 of Bolt, 3 of nobody, 4 of Core."""


def by_brand(
    lists: list[list[int]], candidates: list[list[int]], k: int = 2
) -> dict[str, GroupExposure]:
    flat = np.array([item for row in candidates for item in row], dtype=np.int32)
    offsets = np.cumsum([0, *(len(row) for row in candidates)])
    found = exposure_by_group(np.array(lists), OF_ITEM, BRANDS, flat, offsets, k)
    return {one.group: one for one in found}


def test_places_are_worth_what_they_are_in_ndcg() -> None:
    assert place_worth(3).tolist() == [1 / np.log2(place + 2) for place in range(3)]
    assert place_worth(0).shape == (0,)


def test_shares_of_exposure_and_of_candidates() -> None:
    found = by_brand([[0, 2, 4], [3, 1, -1]], [[0, 1, 2, 4], [1, 3]])
    worth = FIRST + SECOND
    assert found["Acme"].exposure == pytest.approx((FIRST + SECOND) / worth / 2)
    assert found["Acme"].candidates == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert found["Acme"].ratio == pytest.approx(0.5 / 0.5)
    assert found["Bolt"].exposure == pytest.approx(SECOND / worth / 2)
    assert found["Bolt"].ratio == pytest.approx(SECOND / worth / (1 / 4))
    assert found[""].exposure == pytest.approx(FIRST / worth / 2)
    assert (found["Core"].exposure, found["Core"].candidates) == (0, 1 / 4 / 2)
    assert list(found) == ["Acme", "", "Bolt", "Core"]  # most shown first
    for total in ("exposure", "candidates"):
        assert sum(getattr(one, total) for one in found.values()) == pytest.approx(1)


def test_an_order_by_chance_gives_everyone_their_due() -> None:
    rng = np.random.default_rng(0)
    lists = np.array([rng.permutation(5) for _ in range(4000)])
    found = by_brand(lists.tolist(), [[0, 1, 2, 3, 4]] * 4000, k=3)
    assert all(one.ratio == pytest.approx(1, abs=0.03) for one in found.values())


def test_a_query_that_shows_nothing_is_left_out() -> None:
    alone = by_brand([[2, -1]], [[0, 2]])
    assert by_brand([[2, -1], [-1, -1]], [[0, 2], [4]]) == alone
    assert by_brand([[-1, -1]], [[0]]) == {}


def test_what_was_no_candidate_has_no_ratio() -> None:
    assert np.isnan(by_brand([[4, -1]], [[0, -1]])["Core"].ratio)


def test_one_group_list_by_list() -> None:
    lists = np.array([[0, 2, 1], [3, 1, -1], [-1, -1, -1], [2, -1, -1]])
    found = shares_of(lists, OF_ITEM == 0, 2)
    worth = FIRST + SECOND
    assert found == pytest.approx([FIRST / worth, SECOND / worth, np.nan, 0], nan_ok=True)
    offsets = np.array([0, 3, 5, 5, 6])
    whole = exposure_by_group(lists, OF_ITEM, BRANDS, lists[lists >= 0], offsets, 2)
    acme = next(one for one in whole if one.group == "Acme")
    assert acme.exposure == pytest.approx(np.nanmean(found))


def test_candidates_of_other_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="expected candidates of 1 queries, found offsets of 2"):
        by_brand([[0, 1]], [[0], [1]])
    with pytest.raises(ValueError, match="over 1 and 2 candidates"):
        exposure_by_group(np.array([[0]]), OF_ITEM, BRANDS, np.zeros(2, int), np.array([0, 1]), 1)


def test_an_empty_shop_exposes_nobody() -> None:
    nothing, none = np.full((1, 2), -1), np.zeros(0, dtype=int)
    assert exposure_by_group(nothing, none, [], none, np.array([0, 0]), 2) == []
    assert np.isnan(shares_of(nothing, none.astype(bool), 2)).all()
