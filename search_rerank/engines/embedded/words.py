"""The words of one embedded version: a tantivy index and its queries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Filter, Occur, Query, SchemaBuilder, TextAnalyzerBuilder, Tokenizer

from search_rerank.engines import fields
from search_rerank.engines.base import Document, IndexSchema
from search_rerank.engines.words import (
    ALL_WORDS,
    EXACT,
    MAX_WORD_CHARACTERS,
    STEMMER,
    TOKEN_PATTERN,
)

_ANALYZER = "words"
_FACTOR = "factor"
_FACET_FETCH = 200
_FACET_ALL = 65_000


def schema_of(schema: IndexSchema) -> tantivy.Schema:
    """Return the tantivy fields of an index."""
    builder = SchemaBuilder()
    for name in (*fields.TEXTS, fields.ALL_TEXT):
        builder.add_text_field(name, tokenizer_name=_ANALYZER, index_option="freq")
    for name in fields.keyword_fields(schema).values():
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=True)
    for name in fields.number_fields(schema).values():
        builder.add_float_field(name, fast=True)
    builder.add_unsigned_field("row", indexed=True, fast=True)
    builder.add_float_field(_FACTOR, fast=True)
    return builder.build()


def _analyzer() -> tantivy.TextAnalyzer:
    builder = TextAnalyzerBuilder(Tokenizer.regex(TOKEN_PATTERN))
    for step in (
        Filter.remove_long(MAX_WORD_CHARACTERS),
        Filter.lowercase(),
        Filter.ascii_fold(),
        Filter.stemmer(STEMMER),
    ):
        builder = builder.filter(step)
    return builder.build()


class WordIndex:
    """Reads or writes the words of one version.

    Parameters
    ----------
    folder
        Where the tantivy files lie; made if missing.
    schema
        What the version was made for.
    """

    def __init__(self, folder: Path, schema: IndexSchema) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._schema = schema
        self._fields = schema_of(schema)
        self._analyzer = _analyzer()
        self._index = tantivy.Index(self._fields, str(folder))
        self._index.register_tokenizer(_ANALYZER, self._analyzer)
        self._index.config_reader("manual")
        self._searcher = self._index.searcher()
        self._writer: tantivy.IndexWriter | None = None

    def put(self, row: int, document: Document) -> None:
        """Replace what is there of an item."""
        writer, item = self._open_writer(), document.item
        writer.delete_documents_by_term("is_id", item.id)
        entry = tantivy.Document()
        for name, text in fields.texts(item).items():
            entry.add_text(name, text)
        for name, values in fields.keywords(item, self._schema).items():
            for value in values:
                entry.add_text(name, value)
        for name, number in fields.numbers(item, self._schema).items():
            entry.add_float(name, number)
        entry.add_unsigned("row", row)
        # tantivy multiplies by log2(2 + factor): this factor makes that exactly the boost.
        entry.add_float(_FACTOR, 2.0**document.boost - 2.0)
        writer.add_document(entry)

    def remove(self, id: str) -> None:
        """Remove an item if it is there."""
        self._open_writer().delete_documents_by_term("is_id", id)

    def commit(self) -> None:
        """Make everything written visible to indexes opened from now on."""
        if self._writer is not None:
            self._writer.commit()
            self._writer.wait_merging_threads()
            self._writer = None

    def discard(self) -> None:
        """Forget what was not committed."""
        if self._writer is not None:
            self._writer.rollback()
            self._writer = None

    def query(self, text: str, weights: Mapping[str, float]) -> Query:
        """Return the query for a cleaned text: items with one of its words, or with it as id."""
        words = self._analyzer.analyze(text)
        clauses = [
            (Occur.Should, Query.boost_query(self._term(name, word), weights[name]))
            for name in fields.TEXTS
            if weights.get(name, 0) > 0
            for word in words
        ]
        if words:
            every = [
                (Occur.Must, self._term(fields.ALL_TEXT, word)) for word in dict.fromkeys(words)
            ]
            bonus = Query.const_score_query(Query.boolean_query(every), ALL_WORDS)
            clauses.append((Occur.Should, bonus))
        same = Query.const_score_query(Query.term_query(self._fields, "is_id", text), EXACT)
        clauses.append((Occur.Should, same))
        return Query.boolean_query(clauses)

    def condition(self, conditions: fields.Conditions) -> Query:
        """Return the query that all conditions hold."""
        parts: list[tuple[Occur, Query]] = []
        for name, values in conditions.terms:
            terms = Query.term_set_query(self._fields, name, list(values))
            parts.append((Occur.Must, terms if values else Query.empty_query()))
        for name, low, high in conditions.ranges:
            if low is None and high is None:
                between = Query.exists_query(name)
            else:
                kind = tantivy.FieldType.Float
                between = Query.range_query(self._fields, name, kind, low, high)
            parts.append((Occur.Must, between))
        return Query.boolean_query(parts) if parts else Query.all_query()

    def within(self, query: Query, condition: Query) -> Query:
        """Return the query limited to what meets a condition, its scores unchanged."""
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(condition, 0.0))]
        )

    def of_rows(self, rows: NDArray[np.int64]) -> Query:
        """Return the query for some rows."""
        return Query.term_set_query(self._fields, "row", rows.tolist())

    def search(
        self, query: Query, limit: int, *, boosted: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
        """Return rows and scores, best first, and how many match in all."""
        factor = _FACTOR if boosted else None
        result = self._searcher.search(query, limit, count=True, weight_by_field=factor)
        hits = result.hits
        scores = np.array([hit[0] for hit in hits], dtype=np.float64)
        rows = self._searcher.fast_field_values("row", [hit[1] for hit in hits])
        return np.array(rows, dtype=np.int64), scores, int(result.count)  # type: ignore[attr-defined]

    def facets(self, query: Query, names: Mapping[str, str]) -> dict[str, list[tuple[str, int]]]:
        """Count the values of fields over all matches, most frequent first, ties by value."""
        if not names:
            return {}
        found = self._count(query, names, _FACET_FETCH)
        keep = fields.FACET_SIZE
        for name, values in found.items():
            # The cut must not fall between values of equal count, or ties would break by chance.
            if len(values) == _FACET_FETCH and values[keep - 1][1] == values[-1][1]:
                found[name] = self._count(query, {name: names[name]}, _FACET_ALL)[name]
        return {name: values[:keep] for name, values in found.items()}

    def _count(
        self, query: Query, names: Mapping[str, str], size: int
    ) -> dict[str, list[tuple[str, int]]]:
        asked = {
            name: {"terms": {"field": field, "size": size, "segment_size": _FACET_ALL}}
            for name, field in names.items()
        }
        answer: dict[str, Any] = self._searcher.aggregate(query, asked)
        return {
            name: sorted(
                ((str(b["key"]), int(b["doc_count"])) for b in answer[name]["buckets"]),
                key=lambda pair: (-pair[1], pair[0]),
            )
            for name in names
        }

    def _term(self, name: str, word: str) -> Query:
        return Query.term_query(self._fields, name, word, "freq")

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(64_000_000, 1)
        return self._writer
