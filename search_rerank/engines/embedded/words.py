"""The words of one embedded version: queries of a tantivy index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur, Query

from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.conditions import Conditions
from search_rerank.engines.counting import Count
from search_rerank.engines.embedded.analysis import FACTOR, ROW, analyzer, open_index
from search_rerank.engines.words import ALL_WORDS, exact_keys
from search_rerank.languages import as_searched

_FACET_FETCH = 200
_FACET_ALL = 65_000


class WordIndex:
    """Reads the words of one version.

    Parameters
    ----------
    folder
        Where the tantivy files lie.
    schema
        What the version was made for.
    """

    def __init__(self, folder: Path, schema: IndexSchema) -> None:
        self._schema = schema
        self._fields, index = open_index(str(folder), schema)
        self._languages = fields.languages(schema)
        index.config_reader("manual")
        self._searcher = index.searcher()

    def query(self, text: str, weights: Mapping[str, float]) -> Query:
        """Return the query for a cleaned text: items with one of its words."""
        clauses = [
            (Occur.Should, Query.boost_query(self._term(name, word), weights[name]))
            for name in fields.SCORED
            if weights.get(name, 0) > 0
            for word in self._words(name, text)
        ]
        if words := self._words(fields.ALL_TEXT, text):
            every = [
                (Occur.Must, self._term(fields.ALL_TEXT, word)) for word in dict.fromkeys(words)
            ]
            bonus = Query.const_score_query(Query.boolean_query(every), ALL_WORDS)
            clauses.append((Occur.Should, bonus))
        # An exact item is a match, be it by no word; `exact` puts it first.
        clauses.append((Occur.Should, Query.const_score_query(self.exact(text), 0.0)))
        return Query.boolean_query(clauses)

    def exact(self, text: str) -> Query:
        """Return the query for items whose code or whole title a text is."""
        return Query.term_set_query(self._fields, fields.EXACT, list(exact_keys(text)))

    def condition(self, conditions: Conditions) -> Query:
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
        parts += [(Occur.Must, self.condition(part)) for part in conditions.all_of]
        if conditions.any_of:
            options = [(Occur.Should, self.condition(part)) for part in conditions.any_of]
            parts.append((Occur.Must, Query.boolean_query(options)))
        if conditions.none_of:
            parts.append((Occur.Must, Query.all_query()))
            parts += [(Occur.MustNot, self.condition(part)) for part in conditions.none_of]
        return Query.boolean_query(parts) if parts else Query.all_query()

    def within(self, query: Query, condition: Query) -> Query:
        """Return the query limited to what meets a condition, its scores unchanged."""
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(condition, 0.0))]
        )

    def of_rows(self, rows: NDArray[np.int64]) -> Query:
        """Return the query for some rows."""
        return Query.term_set_query(self._fields, ROW, rows.tolist())

    def search(
        self, query: Query, limit: int, *, boosted: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
        """Return rows and scores, best first, and how many match in all."""
        factor = FACTOR if boosted else None
        result = self._searcher.search(query, limit, count=True, weight_by_field=factor)
        hits = result.hits
        scores = np.array([hit[0] for hit in hits], dtype=np.float64)
        rows = self._searcher.fast_field_values(ROW, [hit[1] for hit in hits])
        return np.array(rows, dtype=np.int64), scores, int(result.count)  # type: ignore[attr-defined]

    def facets(self, query: Query, counts: Sequence[Count]) -> dict[str, list[tuple[str, int]]]:
        """Count the values of fields over all matches, most frequent first, ties by value."""
        found = {}
        for count in counts:
            keep, name = count.facet.size, count.facet.field
            values = self._count(query, count.field, max(_FACET_FETCH, 2 * keep))
            # The cut must not fall between values of equal count, or ties would break by chance.
            if len(values) > keep and values[keep - 1][1] == values[-1][1]:
                values = self._count(query, count.field, _FACET_ALL)
            found[name] = values[:keep]
        return found

    def _count(self, query: Query, field: str, size: int) -> list[tuple[str, int]]:
        asked = {"values": {"terms": {"field": field, "size": size, "segment_size": _FACET_ALL}}}
        answer: dict[str, Any] = self._searcher.aggregate(query, asked)
        buckets = answer["values"]["buckets"]
        values = ((str(bucket["key"]), int(bucket["doc_count"])) for bucket in buckets)
        return sorted(values, key=lambda pair: (-pair[1], pair[0]))

    def _words(self, name: str, text: str) -> list[str]:
        language = self._languages[name]
        found: list[str] = analyzer(language).analyze(as_searched(text, language))
        return found

    def _term(self, name: str, word: str) -> Query:
        return Query.term_query(self._fields, name, word, "freq")
