"""Columns of items side by side."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item
from search_rerank.data.item_rows import BRAND, DEPARTMENT, LEAF, LOG_PRICE, MID, PRICE, TOP

ITEMS = [
    Item(id="boot", title="Boot", brand="North", category=["Shoes", "Boots"], price=3.0),
    Item(id="lamp", title="Desk lamp", category=["Home"]),
]


def test_an_item_that_is_not_held_has_a_row_of_its_own() -> None:
    rows = Catalogue.from_items(ITEMS).rows
    np.testing.assert_allclose(rows.numbers[[0, 1, -1], PRICE], [3, np.nan, np.nan])
    np.testing.assert_allclose(rows.numbers[[0, 1, -1], LOG_PRICE], [np.log(4), np.nan, np.nan])
    assert np.isnan(rows.numbers[-1]).all()
    assert (rows.keys[-1] == rows.none).all()
    assert rows.keys[1, BRAND] == rows.none[BRAND]
    assert rows.keys[1, MID] == rows.none[MID]


def test_each_column_has_keys_of_its_own() -> None:
    keys = Catalogue.from_items(ITEMS).rows.keys
    columns = [set(keys[:, column].tolist()) for column in (TOP, MID, BRAND, LEAF, DEPARTMENT)]
    assert sum(map(len, columns)) == len(set().union(*columns))
    assert keys[0, TOP] != keys[1, TOP] != keys[-1, TOP]


def test_the_deepest_category() -> None:
    rows = Catalogue.from_items([*ITEMS, Item(id="mug", title="Mug")]).rows
    boot, lamp, mug, nothing = rows.leaf(np.array([0, 1, 2, -1], dtype=np.int32)).tolist()
    assert (mug, nothing) == (0, 0)
    assert 0 < boot != lamp > 0


def test_a_catalogue_without_items_has_the_row_of_none() -> None:
    rows = Catalogue.from_items([]).rows
    assert rows.keys.shape == rows.numbers.shape == (1, 5)
