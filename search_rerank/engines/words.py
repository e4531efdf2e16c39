"""How texts and queries become words, the same on every engine."""

from __future__ import annotations

import re

from search_rerank.query import MAX_QUERY_CHARACTERS

_CJK = r"\p{IsHan}\p{IsHiragana}\p{IsKatakana}"
_LETTER = rf"[\p{{L}}\p{{N}}\p{{M}}&&[^{_CJK}]]"
TOKEN_PATTERN = rf"[{_CJK}]|{_LETTER}+(?:['’]{_LETTER}+)*"
"""A word: letters and digits, an apostrophe inside; scripts without spaces give one a character.

Java and Rust read this pattern alike, so both engines cut the same words.
"""
STEMMER = "english"
MAX_WORDS = 64
"""More words of a query are ignored: each is a clause per field, and engines limit clauses."""
MAX_WORD_CHARACTERS = 200

ALL_WORDS = 30.0
"""Added to the word score of an item that has every word of the query in some field.

Without it a rare word in a title outweighs all others together. On Amazon Beauty, the queries
between the training and the test cut, recall@200 is .782 without it, .872 with it, and .900 with
100, which makes two tiers: of those that have all words, and of those that do not.
"""
EXACT = 1000.0
"""Marks the item whose id is the query; it is taken out of the score again and comes first."""

_WORDS = re.compile(
    r"[\u2e80-\ud7ff\U00020000-\U0003ffff]|[^\W\u2e80-\ud7ff\U00020000-\U0003ffff]+"
)


def clean(text: str) -> str:
    """Return what is searched of a typed text: valid Unicode without NUL, cut to the limits."""
    text = text[:MAX_QUERY_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\0", " ").strip()
    for n, word in enumerate(_WORDS.finditer(text), start=1):
        if n == MAX_WORDS:
            return text[: word.end()]
    return text
