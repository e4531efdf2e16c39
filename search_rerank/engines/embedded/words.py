"""The words of one embedded version: queries of a tantivy index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import Occur, Query

from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.conditions import Conditions
from search_rerank.engines.cutting import stems
from search_rerank.engines.embedded.analysis import FACTOR, ROW, open_index
from search_rerank.engines.embedded.listing import Listing
from search_rerank.engines.synonyms import WEIGHT
from search_rerank.engines.words import ALL_WORDS, exact_keys


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
        self.schema, index = open_index(str(folder), schema)
        self._languages = fields.languages(schema)
        index.config_reader("manual")
        self.searcher = index.searcher()

    def query(self, texts: Sequence[str], weights: Mapping[str, float], every: bool) -> Query:
        """Return the query for items with one of the words of a cleaned text, or with every one.

        Parameters
        ----------
        texts
            The text, and others that are searched beside it.
        """
        variants = [self._scored(text, weights) for text in texts]
        found = variants[0]
        if len(variants) > 1:
            less = [Query.boost_query(variant, WEIGHT) for variant in variants[1:]]
            found = Query.disjunction_max_query([variants[0], *less])
        if every:
            whole = [self._every(text) for text in texts]
            having = Query.boolean_query([(Occur.Should, q) for q in whole if q is not None])
            found = self.within(found, having)
        if (exact := self.exact(texts[0])) is None:
            return found
        # An exact item is a match, be it by no word; who asks puts it first.
        same = Query.const_score_query(exact, 0.0)
        return Query.boolean_query([(Occur.Should, found), (Occur.Should, same)])

    def knows(self, word: str) -> bool:
        """Return whether any item has the stem of a word."""
        words = self._words(fields.ALL_TEXT, word)
        return any(self.searcher.doc_freq(fields.ALL_TEXT, stem) > 0 for stem in words)

    def vocabulary(self, beginning: str) -> list[tuple[str, int]]:
        """Return the words that titles, brands and categories have and that begin so, counted."""
        found: list[tuple[str, int]] = self.searcher.terms_with_prefix(fields.TYPED, beginning)
        return found

    def completing(self, whole: Sequence[str], last: str) -> Query:
        """Return the query for items that have some words, and one that begins so."""
        parts = [(Occur.Must, self._term(fields.TYPED, word)) for word in whole]
        # `last` is letters and digits only, so that nothing in it is a pattern.
        begun = Query.regex_query(self.schema, fields.TYPED, f"{last}.*")
        return Query.const_score_query(Query.boolean_query([*parts, (Occur.Must, begun)]), 1.0)

    def exact(self, text: str) -> Query | None:
        """Return the query for items whose code or whole title a text is, None where none is."""
        keys = [key for key in exact_keys(text) if self.searcher.doc_freq(fields.EXACT, key)]
        return self._any(fields.EXACT, keys) if keys else None

    def condition(self, conditions: Conditions) -> Query:
        """Return the query that all conditions hold."""
        parts: list[tuple[Occur, Query]] = []
        for name, values in conditions.terms:
            terms = Query.term_set_query(self.schema, name, list(values))
            parts.append((Occur.Must, terms if values else Query.empty_query()))
        for name, low, high in conditions.ranges:
            if low is None and high is None:
                between = Query.exists_query(name)
            else:
                kind = tantivy.FieldType.Float
                between = Query.range_query(self.schema, name, kind, low, high)
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

    def both(self, query: Query | None, condition: Query | None) -> Query:
        """Return what matches a query and meets a condition; None is no limit."""
        if query is None or condition is None:
            return query or condition or Query.all_query()
        return self.within(query, condition)

    def of_rows(self, rows: NDArray[np.int64]) -> Query:
        """Return the query for some rows."""
        return self._any(ROW, rows.tolist())

    def listing(self, query: Query, limit: int, *, boosted: bool = True) -> Listing:
        """Return the best hits, and how many there are in all."""
        factor = FACTOR if boosted else None
        result = self.searcher.search(query, limit, count=True, weight_by_field=factor)
        return Listing(self.searcher, result.hits, int(result.count))  # type: ignore[attr-defined]

    def search(
        self, query: Query, limit: int, *, boosted: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
        """Return rows and scores, best first, and how many match in all."""
        found = self.listing(query, limit, boosted=boosted)
        return *found.part(0, limit), found.total

    def values(
        self, query: Query, limit: int, names: Sequence[str], *, boosted: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], list[list[Any]]]:
        """Return rows, scores, and the values of numeric fields, None where there is none."""
        factor = FACTOR if boosted else None
        hits = self.searcher.search(query, max(1, limit), weight_by_field=factor).hits
        documents = [hit[1] for hit in hits]
        rows, *others = (self.searcher.fast_field_values(n, documents) for n in (ROW, *names))
        scores = np.array([hit[0] for hit in hits], dtype=np.float64)
        return np.array(rows, dtype=np.int64), scores, others

    def _any(self, name: str, terms: Iterable[str | int]) -> Query:
        # A set of terms walks through all terms there are: for 200 of 19,406 rows it takes twice
        # as long, for one exact word of as many items ten times.
        each = [Query.term_query(self.schema, name, term, "basic") for term in terms]
        return Query.boolean_query([(Occur.Should, query) for query in each])

    def _scored(self, text: str, weights: Mapping[str, float]) -> Query:
        clauses = [
            (Occur.Should, Query.boost_query(self._term(name, word), weights[name]))
            for name in fields.SCORED
            if weights.get(name, 0) > 0
            for word in self._words(name, text)
        ]
        if (every := self._every(text)) is not None:
            clauses.append((Occur.Should, Query.const_score_query(every, ALL_WORDS)))
        return Query.boolean_query(clauses)

    def _every(self, text: str) -> Query | None:
        words = dict.fromkeys(self._words(fields.ALL_TEXT, text))
        every = [(Occur.Must, self._term(fields.ALL_TEXT, word)) for word in words]
        return Query.boolean_query(every) if every else None

    def _words(self, name: str, text: str) -> tuple[str, ...]:
        return stems(text, self._languages[name])

    def _term(self, name: str, word: str) -> Query:
        return Query.term_query(self.schema, name, word, "freq")
