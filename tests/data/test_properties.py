from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.events import Events
from search_rerank.data.ids import IdMap
from search_rerank.data.item import Item
from search_rerank.data.properties import Properties, check_names
from search_rerank.errors import ConfigError

VALUES = st.one_of(
    st.sampled_from("abc"), st.lists(st.sampled_from("abc"), max_size=4), st.floats(0, 9)
)
ITEMS = st.lists(st.dictionaries(st.sampled_from(["x", "y"]), VALUES), max_size=8)


def items(attributes: list[dict[str, object]], start: int = 0) -> list[Item]:
    rows = enumerate(attributes, start)
    return [Item.model_validate({"id": str(n), "title": "t", "attributes": of}) for n, of in rows]


def words(found: Properties, numbers: list[int]) -> list[tuple[int, str, str]]:
    row, word = found.of(np.array(numbers, dtype=np.int32))
    return [
        (n, found.names[found.owner[w]], found.words[w])
        for n, w in zip(row.tolist(), word.tolist(), strict=True)
    ]


def test_words_and_numbers_of_items() -> None:
    rows = [{"x": ["a", "b", "a"], "y": "a"}, {"y": 3}, {"x": True, "z": "left out"}]
    found = Properties.from_items(items(rows), ("x", "y"))
    assert words(found, [2, 0, -1, 1]) == [(1, "x", "a"), (1, "x", "b"), (1, "y", "a")]
    np.testing.assert_array_equal(
        found.numbers_of(np.array([2, -1, 1], dtype=np.int32)),
        [[1, np.nan], [np.nan, np.nan], [np.nan, 3]],
    )
    assert (found.with_words, found.with_numbers) == ([0, 1], [0, 1])
    np.testing.assert_allclose(found.rarity, np.log([3, 3, 3]))
    assert not Properties.from_items(items(rows), ())


@given(ITEMS, ITEMS)
def test_items_that_came_later_are_as_if_they_had_always_been(old, new) -> None:
    names = ("x", "y")
    both = items(old) + items(new, len(old))
    extended = Catalogue.from_items(items(old), properties=names).extended(
        items(new, len(old)), np.zeros((len(new), 0), dtype=np.float32)
    )
    at_once = Catalogue.from_items(both, properties=names).properties
    for found in (extended.properties, Catalogue.from_arrays(extended.arrays()).properties):
        numbers = list(range(len(both)))
        assert words(found, numbers) == words(at_once, numbers)
        np.testing.assert_array_equal(found.numbers, at_once.numbers)
        assert tuple(found.names) == names


def test_a_chosen_attribute_that_no_item_has_is_refused() -> None:
    check_names(items([{"colour": "red"}, {"size": 3}]), ("size", "colour"))
    with pytest.raises(ConfigError, match=r"no item has the attribute 'colr'.*'colour'"):
        check_names(items([{"colour": "red"}, {"size": 3}]), ("size", "colr"))


def test_a_log_gives_its_pages_back() -> None:
    rows = [
        Ranking(id="r2", time_ms=9, user="u", query="q", items=("b", "x", "a")),
        Interaction(id="e", time_ms=9, user="u", item="a", type="click", ranking="r2"),
        Ranking(id="r1", time_ms=5, session="s", items=("a",)),
        Ranking(id="r0", time_ms=7, session="s", items=("x",)),
    ]
    found = Events.from_events(rows, IdMap("ab")).pages
    assert [
        (one.id, one.time_ms, one.user, one.session, one.query, one.items) for one in found
    ] == [
        ("r1", 5, None, "s", None, ("a",)),
        ("r2", 9, "u", None, "q", ("b", "a")),
    ]
