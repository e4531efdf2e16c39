"""How texts are cut into the words of an index, by the analyzers of tantivy."""

from __future__ import annotations

from functools import cache, lru_cache

import tantivy
from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

from search_rerank.engines.words import MAX_WORD_CHARACTERS
from search_rerank.languages import Language, as_searched


@cache
def analyzer(language: Language) -> tantivy.TextAnalyzer:
    """Return what cuts a prepared text into the words of the index."""
    return analyzer_of(Tokenizer.regex(language.pattern), language)


@lru_cache(maxsize=50_000)
def stems(text: str, language: Language) -> tuple[str, ...]:
    """Return the words of the index that a text is searched by."""
    return tuple(analyzer(language).analyze(as_searched(text, language)))


def cut(text: str, language: Language) -> str:
    """Return the words of a prepared text as they stand there, with spaces between.

    What is indexed is cut here, because tantivy's own way to cut by a pattern takes half the time
    of a load; what is typed is cut by `analyzer`, into the same words.
    """
    if text.isascii():
        words, *others = text.translate(_BETWEEN).split("'")
        for part in others:  # an apostrophe belongs to a word that goes on behind it
            inside = words[-1:].isalnum() and part[:1].isalnum()
            words = f"{words}'{part}" if inside else f"{words} {part}"
        return words
    found: list[str] = _cutter(language.pattern).analyze(text)
    return " ".join(found)


_BETWEEN = str.maketrans(
    {chr(n): " " for n in range(128) if not chr(n).isalnum() and chr(n) != "'"}
)


@cache
def _cutter(pattern: str) -> tantivy.TextAnalyzer:
    return TextAnalyzerBuilder(Tokenizer.regex(pattern)).build()


def analyzer_of(tokenizer: Tokenizer, language: Language) -> tantivy.TextAnalyzer:
    """Return what makes the words of the index from those that a tokenizer cuts."""
    builder = TextAnalyzerBuilder(tokenizer)
    steps = [Filter.remove_long(MAX_WORD_CHARACTERS), Filter.lowercase(), Filter.ascii_fold()]
    if language.stemmer is not None:
        steps.append(Filter.stemmer(language.stemmer))
    for step in steps:
        builder = builder.filter(step)
    return builder.build()
