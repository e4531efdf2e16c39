"""Where the items of a request stand, request after request."""

from __future__ import annotations

import numpy as np

from search_rerank.state.numbered import ItemNumbers


def found(numbers: ItemNumbers, *asked: str) -> dict[str, int]:
    """Return where `find` says that each numbered item stands in a request."""
    numbers.asked(list(asked))
    has, place = numbers.find(np.arange(len(numbers), dtype=np.int32))
    return {numbers.id(int(number)): int(at) for number, at in zip(has, place, strict=True)}


def test_a_request_forgets_the_one_before() -> None:
    numbers = ItemNumbers(["a", "b", "c"])
    assert found(numbers, "c", "new", "a") == {"c": 0, "a": 2}
    numbers.asked(["b", "c"])  # nobody looked where these stand
    assert found(numbers, "b") == {"b": 0}
    assert found(numbers) == {}


def test_an_item_that_came_later_is_found() -> None:
    numbers = ItemNumbers(["a"])
    assert found(numbers, "a", "new") == {"a": 0}
    numbers.add("new")
    assert found(numbers, "a", "new") == {"a": 0, "new": 1}


def test_rows_of_an_item_asked_for_twice_are_in_both_places() -> None:
    numbers = ItemNumbers(["a", "b"])
    assert found(numbers, "b", "new", "a", "b") == {"b": 0, "a": 2}
    rows = np.array([[1], [0], [3], [0]], dtype=np.float32)
    assert numbers.spread(rows).ravel().tolist() == [1, 0, 3, 1]
    assert found(numbers, "a", "b") == {"a": 0, "b": 1}
    np.testing.assert_array_equal(numbers.spread(rows[:2]), rows[:2])
