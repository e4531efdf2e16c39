"""A catalogue that grows: old numbers keep their meaning, new items are told like old ones."""

from __future__ import annotations

import numpy as np

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.item import Item, parse_item


def item(id_: str, **fields: object) -> Item:
    return parse_item({"id": id_, "title": f"the {id_}", **fields})


OLD = [
    item("a", brand="X", category=["Shoes", "Boots"], price=3, attributes={"colour": "red"}),
    item("b", category=["Shoes"], attributes={"colour": "blue"}),
    item("c", brand="Y", rating=4.5, rating_count=7),
]
NEW = [
    item("d", brand="Y", category=["Hats"], price=9, attributes={"colour": "blue"}),
    item("e", brand="Z", category=["Shoes", "Boots", "High"], attributes={"colour": "pink"}),
    item("f"),
]


def vectors(n: int) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[np.arange(n) % 4]


def same(one: Catalogue, other: Catalogue) -> None:
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name], err_msg=name)


def test_a_catalogue_that_grew_is_the_catalogue_of_all_items() -> None:
    grown = Catalogue.from_items(OLD, vectors(3)).extended(NEW, vectors(6)[3:])
    same(grown, Catalogue.from_items([*OLD, *NEW], vectors(6)))


def test_old_numbers_keep_their_meaning() -> None:
    old = Catalogue.from_items(OLD, vectors(3))
    grown = old.extended(NEW, vectors(3))
    np.testing.assert_array_equal(grown.category[:3, : old.category.shape[1]], old.category)
    np.testing.assert_array_equal(grown.attributes[:3], old.attributes)
    assert grown.ids.ids()[:3] == old.ids.ids()
    assert grown.brands == ["X", "Y", "Z"]
    assert grown.categories[grown.leaf[4]] == "Shoes > Boots > High"
    assert grown.attribute_values == {"colour": ["red", "blue", "pink"]}
    assert grown.attributes[:, 0].tolist() == [0, 1, -1, 1, 2, -1]
    assert old.attribute_values == {"colour": ["red", "blue"]}


def test_a_catalogue_comes_back_from_its_arrays() -> None:
    for items in (OLD, [*OLD, *NEW], [item("a")], []):
        catalogue = Catalogue.from_items(items, vectors(len(items)))
        again = Catalogue.from_arrays(dict(catalogue.arrays()))
        same(again, catalogue)
        assert again.attribute_values == catalogue.attribute_values
