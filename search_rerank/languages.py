"""How each language's text is cut into words and stemmed, the same on every engine."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CJK = r"\p{IsHan}\p{IsHiragana}\p{IsKatakana}"
_LETTER = rf"[\p{{L}}\p{{N}}\p{{M}}&&[^{_CJK}]]"
TOKEN_PATTERN = rf"[{_CJK}]|{_LETTER}+(?:['’]{_LETTER}+)*"
"""A word: letters and digits, an apostrophe inside; scripts without spaces give one a character.

Java and Rust read this pattern alike, so both engines cut the same words.
"""
_BIGRAM_PATTERN = r"[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{N}\p{M}]+)*"


@dataclass(frozen=True)
class Language:
    """One way to cut and stem.

    Parameters
    ----------
    pattern
        What one word is.
    stemmer
        Snowball algorithm, named as tantivy names it; None does not stem.
    lucene
        The same, named as Lucene names it.
    bigrams
        Whether runs of Chinese, Japanese and Korean characters are searched by pairs.
    """

    pattern: str = TOKEN_PATTERN
    stemmer: str | None = None
    lucene: str | None = None
    bigrams: bool = False


def _snowball(name: str) -> Language:
    return Language(stemmer=name, lucene=name)


LANGUAGES = {
    "cjk": Language(pattern=_BIGRAM_PATTERN, bigrams=True),
    "zh": Language(pattern=_BIGRAM_PATTERN, bigrams=True),
    "none": Language(),
    "en": Language(stemmer="english", lucene="porter2"),
    "da": _snowball("danish"),
    "de": _snowball("german"),
    "es": _snowball("spanish"),
    "fi": _snowball("finnish"),
    "fr": _snowball("french"),
    "it": _snowball("italian"),
    "nl": _snowball("dutch"),
    "no": _snowball("norwegian"),
    "pt": _snowball("portuguese"),
    "ru": _snowball("russian"),
    "sv": _snowball("swedish"),
}

_RUN = re.compile(r"[\u2e80-\u303f\u3041-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


def as_indexed(text: str, language: Language) -> str:
    """Return what is indexed of a text: of a run of characters each one, and each pair."""
    if not language.bigrams:
        return unicodedata.normalize("NFC", text)  # an accent may be a character of its own
    return _RUN.sub(lambda run: f" {' '.join([*run[0], *_pairs(run[0])])} ", _folded(text))


def as_searched(text: str, language: Language) -> str:
    """Return what is searched of a text: of a run of characters its pairs, of one alone itself."""
    if not language.bigrams:
        return unicodedata.normalize("NFC", text)
    return _RUN.sub(lambda run: f" {' '.join(_pairs(run[0]) or [run[0]])} ", _folded(text))


def _pairs(run: str) -> list[str]:
    return [run[n : n + 2] for n in range(len(run) - 1)]


def _folded(text: str) -> str:
    """Return full-width letters as plain ones."""
    return unicodedata.normalize("NFKC", text)
