"""The words of items are cut, stemmed and counted as a query's are, and come back from arrays."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.item import Item
from search_rerank.data.wording import OTHER_WORDS, TITLE_WORDS, Wording

ITEMS = [
    Item(id="a", title="Running shoes, blue shoes", brand="North Face", category=["Shoes", "Run"]),
    Item(id="b", title="Ｂoot", attributes={"colour": "Blue", "sizes": ["7", "blue"], "weight": 3}),
    Item(id="c", title="!"),
]


def words(wording: Wording, text: str) -> list[int]:
    return wording.asked(text)[0].tolist()


def test_words_stand_in_their_order_and_others_once() -> None:
    wording = Wording.from_items(ITEMS, "en")
    assert wording.title_offsets.tolist() == [0, 4, 5, 5]
    assert wording.title.tolist() == words(wording, "run shoe blue shoe boot")
    assert wording.brand_offsets.tolist() == [0, 2, 2, 2]
    assert wording.brand.tolist() == words(wording, "north face")
    assert wording.other_offsets.tolist() == [0, 2, 4, 4]
    assert wording.other.tolist() == words(wording, "shoe run blue 7")


def test_a_language_says_what_is_one_word() -> None:
    english, plain, pairs = (Wording.from_items(ITEMS, name) for name in ("en", "none", "cjk"))
    assert words(english, "shoes") == words(english, "SHOE")
    assert words(plain, "shoes") != words(plain, "shoe")
    assert len(words(pairs, "東京都")) == 2  # 東京, 京都


def test_the_words_of_some_items_part_by_part() -> None:
    wording = Wording.from_items(ITEMS, "en")
    word, size = wording.of(np.array([1, -1, 2, 0], dtype=np.int32))
    assert size.tolist() == [[1, 0, 0, 4], [0, 0, 0, 2], [2, 0, 0, 2]]
    texts = ["boot", "run shoe blue shoe", "north face", "blue 7", "shoe run"]
    assert word.tolist() == [one for text in texts for one in words(wording, text)]
    nothing, size = Wording.from_items([], "en").of(np.array([-1], dtype=np.int32))
    assert len(nothing) == 0
    assert size.tolist() == [[0]] * 3


def test_the_rarest_word_is_the_one_in_no_item() -> None:
    wording = Wording.from_items(ITEMS, "en")
    asked, _ = wording.asked("blue north helmet")
    np.testing.assert_allclose(
        wording.rarity(asked), np.log(1 + 3 / np.array([1 + 2, 1 + 1, 1 + 0])), rtol=1e-6
    )
    assert Wording.from_items([], "en").rarity(asked).tolist() == [0, 0, 0]


def test_words_with_digits_are_told() -> None:
    asked, digits = Wording.from_items(ITEMS, "en").asked("iphone 7 usb3 case")
    assert digits.tolist() == [False, True, True, False]
    assert len(asked) == 4
    assert [len(part) for part in Wording.from_items(ITEMS, "en").asked(" - ")] == [0, 0]


def test_long_texts_are_cut() -> None:
    many = " ".join(f"w{n}" for n in range(200))
    wording = Wording.from_items(
        [Item(id="a", title=many, attributes={"text": many.split()})], "en"
    )
    assert wording.title_offsets.tolist() == [0, TITLE_WORDS]
    assert wording.other_offsets.tolist() == [0, OTHER_WORDS]


@pytest.mark.parametrize("language", ["en", "none"])
def test_grown_and_read_again_it_is_that_of_all_items(language: str) -> None:
    whole = Wording.from_items(ITEMS, language)
    grown = Wording.from_items(ITEMS[:1], language).extended(ITEMS[1:])
    again = Wording.from_arrays(grown.arrays())
    assert again.language == language
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)
        assert again.arrays()[name].dtype == array.dtype


def test_the_order_of_attributes_does_not_matter() -> None:
    one, other = (
        Wording.from_items([Item(id="a", title="a", attributes=attributes)], "en")
        for attributes in ({"x": "red", "y": "small"}, {"y": "small", "x": "red"})
    )
    assert one.other.tolist() == other.other.tolist()
