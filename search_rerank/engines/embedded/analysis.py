"""The tantivy fields of an index."""

from __future__ import annotations

import tantivy
from tantivy import SchemaBuilder, Tokenizer

from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.cutting import analyzer_of
from search_rerank.languages import Language

ROW = "row"
FACTOR = "factor"
"""tantivy multiplies the word score by log2(2 + this)."""


def open_index(folder: str, schema: IndexSchema) -> tuple[tantivy.Schema, tantivy.Index]:
    """Open or make the tantivy index in a folder."""
    made = schema_of(schema)
    index = tantivy.Index(made, folder)
    for language in set(fields.languages(schema).values()):
        words = analyzer_of(Tokenizer.whitespace(), language)  # of a text that was cut already
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
    # A number, because only numbers can be read of single documents.
    builder.add_unsigned_field(fields.GROUP, indexed=False, fast=True)
    for name in fields.number_fields(schema).values():
        builder.add_float_field(name, fast=True)
    builder.add_unsigned_field(ROW, indexed=True, fast=True)
    builder.add_float_field(FACTOR, fast=True)
    return builder.build()


def _name(language: Language) -> str:
    return f"words-{language.stemmer or 'none'}-{'pairs' if language.bigrams else 'words'}"
