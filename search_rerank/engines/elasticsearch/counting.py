"""Facets as aggregations: of the main search where they share its filters, else of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_rerank.engines.counting import Count, label
from search_rerank.query import Statistics

SHARD_SIZE = 10_000
"""Up to so many different values counts are exact with several shards; with one they always are."""
BY_COUNT = [{"_count": "desc"}, {"_key": "asc"}]
Facets = dict[str, Sequence[tuple[str, int]]]


def aggregations(counts: Sequence[Count]) -> dict[str, Any]:
    """Return the aggregations of some facets."""
    return {_name(count): _aggregation(count) for count in counts}


def read(
    answers: Sequence[tuple[Count, Mapping[str, Any]]],
) -> tuple[Facets, dict[str, Statistics]]:
    """Return what facets counted, each from the answer that holds it, in the order given."""
    facets: Facets = {}
    statistics: dict[str, Statistics] = {}
    for count, answer in answers:
        found, name = answer["aggregations"][_name(count)], count.facet.field
        if count.facet.kind == "values":
            facets[name] = [(b["key"], b["doc_count"]) for b in found["buckets"]]
        elif count.facet.kind == "ranges":
            facets[name] = [
                (label(asked), found["buckets"][str(n)]["doc_count"])
                for n, asked in enumerate(count.facet.ranges)
            ]
        elif found["count"]:
            statistics[name] = Statistics(found["count"], found["min"], found["max"], found["avg"])
    return facets, statistics


def _aggregation(count: Count) -> dict[str, Any]:
    if count.facet.kind == "values":
        terms = {"field": count.field, "size": count.facet.size, "shard_size": SHARD_SIZE}
        return {"terms": terms | {"order": BY_COUNT}}
    if count.facet.kind == "statistics":
        return {"stats": {"field": count.field}}
    between = {}
    for n, (low, high) in enumerate(count.intervals):
        bounds = {key: value for key, value in (("gte", low), ("lt", high)) if value is not None}
        between[str(n)] = (
            {"range": {count.field: bounds}} if bounds else {"exists": {"field": count.field}}
        )
    return {"filters": {"filters": between}}


def _name(count: Count) -> str:
    return f"{count.facet.kind}-{count.field}"
