"""The tantivy fields of an index, and how each text field's words are cut."""

from __future__ import annotations

from functools import cache

import tantivy
from tantivy import Filter, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.words import MAX_WORD_CHARACTERS
from search_rerank.languages import Language

ROW = "row"
FACTOR = "factor"
"""tantivy multiplies the word score by log2(2 + this)."""


def open_index(folder: str, schema: IndexSchema) -> tuple[tantivy.Schema, tantivy.Index]:
    """Open or make the tantivy index in a folder."""
    made = schema_of(schema)
    index = tantivy.Index(made, folder)
    for language in set(fields.languages(schema).values()):
        words = _analyzer(Tokenizer.whitespace(), language)  # of a text that was cut already
        index.register_tokenizer(_name(language), words)
    return made, index


def schema_of(schema: IndexSchema) -> tantivy.Schema:
    """Return the tantivy fields of an index."""
    builder = SchemaBuilder()
    for name, language in fields.languages(schema).items():
        builder.add_text_field(name, tokenizer_name=_name(language), index_option="freq")
    for name in fields.keyword_fields(schema).values():
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_text_field(fields.EXACT, tokenizer_name="raw", index_option="basic")
    builder.add_text_field(fields.GROUP, tokenizer_name="raw", index_option="basic", fast=True)
    for name in fields.number_fields(schema).values():
        builder.add_float_field(name, fast=True)
    builder.add_unsigned_field(ROW, indexed=True, fast=True)
    builder.add_float_field(FACTOR, fast=True)
    return builder.build()


@cache
def analyzer(language: Language) -> tantivy.TextAnalyzer:
    """Return what cuts a prepared text into the words of the index."""
    return _analyzer(Tokenizer.regex(language.pattern), language)


def cut(text: str, language: Language) -> str:
    """Return the words of a prepared text as they stand there, with spaces between.

    What is indexed is cut here, because tantivy's own way to cut by a pattern takes half the time
    of a load; what is typed is cut by `analyzer`, into the same words.
    """
    if text.isascii() and "'" not in text:
        return text.translate(_BETWEEN)
    words: list[str] = _cutter(language.pattern).analyze(text)
    return " ".join(words)


_BETWEEN = str.maketrans({chr(n): " " for n in range(128) if not chr(n).isalnum()})


@cache
def _cutter(pattern: str) -> tantivy.TextAnalyzer:
    return TextAnalyzerBuilder(Tokenizer.regex(pattern)).build()


def _analyzer(tokenizer: Tokenizer, language: Language) -> tantivy.TextAnalyzer:
    builder = TextAnalyzerBuilder(tokenizer)
    steps = [Filter.remove_long(MAX_WORD_CHARACTERS), Filter.lowercase(), Filter.ascii_fold()]
    if language.stemmer is not None:
        steps.append(Filter.stemmer(language.stemmer))
    for step in steps:
        builder = builder.filter(step)
    return builder.build()


def _name(language: Language) -> str:
    return f"words-{language.stemmer or 'none'}-{'pairs' if language.bigrams else 'words'}"
