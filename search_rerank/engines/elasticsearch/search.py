"""The searches of one version and their answers as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.conditions import Conditions
from search_rerank.engines.counting import Count
from search_rerank.engines.hybrid import MAX_EXACT
from search_rerank.engines.words import ALL_WORDS, exact_keys
from search_rerank.languages import as_searched

_BY_BOOST = [{"boost": "desc"}, {"is_id": "asc"}]
_BARE = {
    "_source": False,
    # An id lies in the stored fields, decompressed hit by hit; its doc value costs half the time.
    "stored_fields": "_none_",
    "docvalue_fields": ["is_id", "boost"],
}
Query = dict[str, Any]


@dataclass(frozen=True)
class Hits:
    """The hits of one search, best first: ids, scores float (n,), boosts float (n,), total."""

    ids: list[str]
    scores: NDArray[np.float64]
    boost: NDArray[np.float64]
    total: int


def condition(conditions: Conditions) -> list[Query]:
    """Return the filter clauses, all of which must hold."""
    clauses: list[Query] = [{"terms": {k: list(values)}} for k, values in conditions.terms]
    for name, low, high in conditions.ranges:
        bounds = {"gte": low, "lte": high}
        bounds = {k: v for k, v in bounds.items() if v is not None}
        clauses.append({"range": {name: bounds}} if bounds else {"exists": {"field": name}})
    for part in conditions.all_of:
        clauses += condition(part)
    if conditions.any_of:
        options = [{"bool": {"filter": condition(part)}} for part in conditions.any_of]
        clauses.append({"bool": {"should": options, "minimum_should_match": 1}})
    if conditions.none_of:
        none = [{"bool": {"filter": condition(part)}} for part in conditions.none_of]
        clauses.append({"bool": {"must_not": none}})
    return clauses


def exact(text: str, filters: Sequence[Query], timeout_s: float) -> Query:
    """Return the search for items whose code or whole title a text is."""
    query = {"bool": {"filter": [_exact(text), *filters]}}
    body = {**_BARE, "query": query, "size": MAX_EXACT, "track_total_hits": False}
    return body | {"sort": _BY_BOOST, "timeout": f"{int(timeout_s * 1000)}ms"}


def words(
    text: str, schema: IndexSchema, weights: Mapping[str, float], filters: Sequence[Query]
) -> Query:
    """Return the boosted query for a cleaned text."""
    cut = fields.languages(schema)
    should: list[Query] = [
        {"match": {name: {"query": as_searched(text, cut[name]), "boost": weights[name]}}}
        for name in fields.SCORED
        if weights.get(name, 0) > 0
    ]
    joined = as_searched(text, cut[fields.ALL_TEXT])
    every = {"match": {fields.ALL_TEXT: {"query": joined, "operator": "and"}}}
    should.append({"constant_score": {"filter": every, "boost": ALL_WORDS}})
    # An exact item is a match, be it by no word; `exact` puts it first.
    should.append({"constant_score": {"filter": _exact(text), "boost": 0}})
    query = {"bool": {"should": should, "minimum_should_match": 1, "filter": list(filters)}}
    factor = {"field": "boost", "missing": 1}
    return {
        "function_score": {
            "query": query,
            "field_value_factor": factor,
            "boost_mode": "multiply",
        }
    }


def by_words(query: Query, size: int, facets: Sequence[Count], timeout_s: float) -> Query:
    """Return the search for word hits with total and facets."""
    body = {**_BARE, "query": query, "size": size, "track_total_hits": True}
    body |= {"timeout": f"{int(timeout_s * 1000)}ms"}
    return body | ({"aggs": _aggregations(facets)} if facets else {})


def by_boost(
    filters: Sequence[Query], size: int, facets: Sequence[Count], timeout_s: float
) -> Query:
    """Return the search for all items that meet the filters, the most boosted first."""
    query = {"bool": {"filter": list(filters)}} if filters else {"match_all": {}}
    return by_words(query, size, facets, timeout_s) | {"sort": _BY_BOOST}


def by_vector(
    vector: NDArray[np.float32], k: int, filters: Sequence[Query], timeout_s: float
) -> Query:
    """Return the search for the k nearest items that meet the filters."""
    knn = {
        "field": "vector",
        "query_vector": vector,
        "k": k,
        "num_candidates": min(10_000, max(2 * k, 100)),
        "filter": list(filters),
    }
    body = {**_BARE, "knn": knn, "size": k, "track_total_hits": False}
    return body | {"timeout": f"{int(timeout_s * 1000)}ms"}


def with_ids(ids: Sequence[str]) -> Query:
    """Return the filter for some ids."""
    return {"terms": {"is_id": list(ids)}}


def hits_of(answer: Mapping[str, Any]) -> Hits:
    """Return the hits of one answer."""
    found = answer["hits"]["hits"]
    values = [hit["fields"] for hit in found]
    return Hits(
        [value["is_id"][0] for value in values],
        np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float64),
        np.array([value.get("boost", (1.0,))[0] for value in values], dtype=np.float64),
        int(answer["hits"].get("total", {}).get("value", 0)),
    )


def facets_of(
    answer: Mapping[str, Any], counts: Sequence[Count]
) -> dict[str, list[tuple[str, int]]]:
    """Return the counts of one answer, most frequent first, ties by value."""
    return {
        count.facet.field: [
            (bucket["key"], bucket["doc_count"])
            for bucket in answer["aggregations"][count.field]["buckets"]
        ]
        for count in counts
    }


def _exact(text: str) -> Query:
    return {"terms": {fields.EXACT: list(exact_keys(text))}}


def _aggregations(facets: Sequence[Count]) -> Query:
    order = [{"_count": "desc"}, {"_key": "asc"}]
    return {
        count.field: {"terms": {"field": count.field, "size": count.facet.size, "order": order}}
        for count in facets
    }
