"""Facets over the words of one embedded version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import tantivy
from tantivy import Query

from search_rerank.engines.counting import Count, label
from search_rerank.query import Statistics

if TYPE_CHECKING:
    from search_rerank.engines.embedded.words import WordIndex

_FETCH = 200
_ALL = 65_000
Facets = dict[str, Sequence[tuple[str, int]]]


def count_all(
    words: WordIndex, query: Query | None, condition: Query | None, counts: Sequence[Count]
) -> tuple[Facets, dict[str, Statistics]]:
    """Return what each facet counts over the matches of a query.

    Parameters
    ----------
    query
        The words asked, without any filter; None where every item matches.
    condition
        The filters; None where there are none.
    """
    facets: Facets = {}
    statistics: dict[str, Statistics] = {}
    for count in counts:
        only = condition if count.only is None else words.condition(count.only)
        matches = words.both(query, only)
        name = count.facet.field
        if count.facet.kind == "values":
            facets[name] = count_values(words, matches, count.field, count.facet.size)
        elif count.facet.kind == "ranges":
            facets[name] = _ranges(words, matches, count)
        elif (found := _statistics(words, matches, count.field)) is not None:
            statistics[name] = found
    return facets, statistics


def count_values(words: WordIndex, query: Query, field: str, size: int) -> list[tuple[str, int]]:
    """Return the most frequent values of a field over all matches, ties by value."""
    values = _terms(words, query, field, max(_FETCH, 2 * size))
    # The cut must not fall between values of equal count, or ties would break by chance.
    if len(values) > size and values[size - 1][1] == values[-1][1]:
        values = _terms(words, query, field, _ALL)
    return values[:size]


def _terms(words: WordIndex, query: Query, field: str, size: int) -> list[tuple[str, int]]:
    asked = {"values": {"terms": {"field": field, "size": size, "segment_size": _ALL}}}
    buckets = words.searcher.aggregate(query, asked)["values"]["buckets"]
    values = ((str(bucket["key"]), int(bucket["doc_count"])) for bucket in buckets)
    return sorted(values, key=lambda pair: (-pair[1], pair[0]))


def _ranges(words: WordIndex, query: Query, count: Count) -> list[tuple[str, int]]:
    found = []
    for asked, (low, high) in zip(count.facet.ranges, count.intervals, strict=True):
        if low is None and high is None:
            between = Query.exists_query(count.field)
        else:
            kind = tantivy.FieldType.Float
            between = Query.range_query(
                words.schema, count.field, kind, low, high, True, high is None
            )
        matches = words.within(query, between)
        found.append((label(asked), words.search(matches, 1, boosted=False)[2]))
    return found


def _statistics(words: WordIndex, query: Query, field: str) -> Statistics | None:
    found = words.searcher.aggregate(query, {"all": {"stats": {"field": field}}})["all"]
    if not found["count"]:
        return None
    return Statistics(
        int(found["count"]), float(found["min"]), float(found["max"]), float(found["avg"])
    )
