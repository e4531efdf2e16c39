"""Which word is meant: nearest, then most frequent, then first by the alphabet."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_rerank.engines.cutting import analyzer
from search_rerank.engines.spelling import allowed, checked, corrected, nearest
from search_rerank.engines.words import MAX_WORDS, clean, exact_keys, typed_words
from search_rerank.languages import LANGUAGES


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("lether", [("leather", 1), ("tether", 9)], "leather"),  # the first letter stays
        ("shose", [("shoes", 1), ("chose", 9)], "shoes"),  # two letters exchanged are one edit
        ("boots", [("boats", 2), ("boote", 3), ("books", 3)], "books"),
        ("runnning", [("running", 1), ("runnings", 9)], "running"),
        ("headfones", [("headphones", 1)], "headphones"),  # two edits from eight letters on
        ("fones", [("phones", 9), ("fonts", 0)], None),
        ("phnes", [("phoness", 9)], None),  # one edit below eight letters
        ("boots", [("boots", 5)], None),
        ("boots", [], None),
    ],
)
def test_nearest(word: str, known: list[tuple[str, int]], expected: str | None) -> None:
    assert nearest(word, known) == expected
    assert nearest(word, known[::-1]) == expected


def test_how_far_a_word_may_be() -> None:
    assert [allowed("x" * n) for n in (4, 7, 8, 20)] == [1, 1, 2, 2]


def test_words_that_may_be_mistyped() -> None:
    assert checked("the Bügel, bugel iphone14 蓝牙耳机 abc") == ["bugel"]


def test_all_else_stays_as_typed() -> None:
    meant = {"shose": "shoes", "bugel": "angle"}
    assert corrected("Red  SHOSE! (shose), Bu\u0308gel", meant) == "Red  shoes! (shoes), angle"
    assert corrected("shose", meant, kept={"shose", "bugel"}) is None
    assert corrected("Red", {}) is None


LETTERS = "æœøßđðþłħŧıŋÆŒØẞĐÐÞŁĦŦŊ"
BLOCKS = (("À", "ž"), ("Ά", "ώ"), ("А", "ԯ"), ("א", "ת"), ("ぁ", "ヺ"), ("가", "갿"), ("Ａ", "ｚ"))


def test_letters_are_folded_as_the_index_folds_them() -> None:
    cut = analyzer(LANGUAGES["none"])
    rare = "İĿŀŉĸ"  # the index knows more of them; a code or title is compared with itself
    letters = [chr(n) for first, last in BLOCKS for n in range(ord(first), ord(last) + 1)]
    for letter in [*letters, *LETTERS]:
        if letter.isalpha() and letter not in rare:
            assert typed_words(f"x{letter}") == cut.analyze(f"x{letter}") or _stands_alone(letter)


def _stands_alone(letter: str) -> bool:
    """Return whether a letter is a word of its own here; Korean words are whole in the index."""
    return typed_words(f"x{letter}") == ["x", letter]


@given(st.text())
def test_any_text_has_words(text: str) -> None:
    words = typed_words(text)
    assert all(words)
    assert exact_keys(text) == ([f"c:{''.join(words)}", f"t:{' '.join(words)}"] if words else [])
    assert len(typed_words(clean(text))) <= MAX_WORDS


def test_neighbours_of_the_alphabet_are_told_apart() -> None:
    assert all(typed_words(a) != typed_words(b) for a, b in pairwise("иейгё"))
