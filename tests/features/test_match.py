"""Where the words of a query stand in candidates, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item
from search_rerank.features.arrays import Column
from search_rerank.features.builder import FeatureBuilder
from search_rerank.features.moment import read_moment
from search_rerank.query import Query
from search_rerank.state.memory import MemoryState
from tests.features.worlds import GAINS, candidates

ITEMS = [
    Item(id="boot", title="Red Winter Boots size 9", brand="North Face"),
    Item(id="sock", title="Socks for winter boots", brand="North", attributes={"colour": "red"}),
    Item(id="mug", title="Mug"),
]
IDS = ("boot", "sock", "mug", "brand-new")


def columns(text: str, ids: tuple[str, ...] = IDS) -> dict[str, Column]:
    catalogue = Catalogue.from_items(ITEMS)
    found = candidates(*ids)
    asked = read_moment(Query(text=text), found, catalogue, MemoryState(GAINS), GAINS, 50)
    table, _ = FeatureBuilder(catalogue, (), groups=("match",)).build(asked)
    return {name: table.column(name) for name in table.names}


def same(found: Column, expected: list[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_shares_of_the_words_in_the_title_and_in_all() -> None:
    found = columns("red winter boot")
    same(found["match.title_share"], [3 / 3, 2 / 3, 0, np.nan])
    same(found["match.text_share"], [3 / 3, 3 / 3, 0, np.nan])
    same(found["match.title_covered"], [3 / 5, 2 / 4, 0, np.nan])


def test_a_rare_word_weighs_more() -> None:
    found = columns("red helmet boots")
    # Of three items red and boots are in two each, helmet in none.
    common, rare = np.log(1 + 3 / 3), np.log(1 + 3 / 1)
    total = 2 * common + rare
    same(found["match.title_rarity"], [2 * common / total, common / total, 0, np.nan])
    same(found["match.text_rarity"], [2 * common / total, 2 * common / total, 0, np.nan])
    same(found["match.title_rarity_place"], [1, 1 / 2, 0, np.nan])


def test_neighbours_in_the_query_are_neighbours_in_the_title() -> None:
    same(columns("red winter boots")["match.title_pairs"], [2 / 2, 1 / 2, 0, np.nan])
    same(columns("boots winter")["match.title_pairs"], [0, 0, 0, np.nan])
    assert np.isnan(columns("boots")["match.title_pairs"]).all()


def test_a_word_asked_twice_is_looked_for_twice() -> None:
    found = columns("boots red boots")
    same(found["match.title_share"], [3 / 3, 2 / 3, 0, np.nan])
    same(found["match.title_covered"], [2 / 5, 1 / 4, 0, np.nan])


def test_the_pair_over_the_border_of_two_titles_does_not_count() -> None:
    # The first title ends with 9, the second begins with socks.
    same(columns("9 socks")["match.title_pairs"], [0, 0, 0, np.nan])


def test_where_the_first_and_the_last_named_word_stands() -> None:
    found = columns("winter boots")
    same(found["match.title_first"], [1 / 4, 2 / 3, np.nan, np.nan])
    same(found["match.title_last"], [2 / 4, 3 / 3, np.nan, np.nan])
    same(columns("mug")["match.title_first"], [np.nan, np.nan, 0, np.nan])


def test_digits_and_brands() -> None:
    same(columns("boots 9 10")["match.digits"], [1 / 2, 0, 0, np.nan])
    assert np.isnan(columns("boots")["match.digits"]).all()
    same(columns("north boots")["match.brand_covered"], [1 / 2, 1, np.nan, np.nan])


def test_words_in_the_brand_and_in_the_rest_by_rarity() -> None:
    found = columns("north red")
    north, red = np.log(1 + 3 / 3), np.log(1 + 3 / 3)  # both in two of three items
    same(found["match.brand_rarity"], [north / (north + red), north / (north + red), 0, np.nan])
    same(found["match.other_rarity"], [0, red / (north + red), 0, np.nan])


@pytest.mark.parametrize("text", ["", " - "])
def test_without_words_nothing_is_known(text: str) -> None:
    found = columns(text)
    assert all(np.isnan(column).all() and len(column) == 4 for column in found.values())


def test_the_same_columns_whatever_is_asked_and_found() -> None:
    names = list(columns("red boots"))
    assert list(columns("")) == list(columns("red boots", ids=())) == names


def test_candidates_that_the_catalogue_does_not_hold_keep_their_rows() -> None:
    found = columns("red boots", ids=("brand-new", "boot"))
    same(found["match.title_share"], [np.nan, 1])
