"""The searches of one version and their answers as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_rerank.engines import fields, spelling
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.conditions import Conditions
from search_rerank.engines.hybrid import MAX_EXACT
from search_rerank.engines.synonyms import WEIGHT
from search_rerank.engines.words import ALL_WORDS, exact_keys
from search_rerank.languages import as_searched

BY_BOOST = [{"boost": "desc"}, {"is_id": "asc"}]
_BARE = {
    "_source": False,
    # An id lies in the stored fields, decompressed hit by hit; its doc value costs half the time.
    "stored_fields": "_none_",
    "docvalue_fields": ["is_id", "boost"],
    "seq_no_primary_term": True,
}
_WORDS = "words"
_state = itemgetter("_seq_no", "_primary_term")
Query = dict[str, Any]
State = tuple[int, int]
"""Sequence number and primary term: another one whenever a document is written."""


@dataclass(frozen=True)
class Hits:
    """The hits of one search, best first.

    Parameters
    ----------
    ids, scores, boost
        Of each: scores and boosts float (n,).
    total
        How many match; one more than the bound where there are more.
    words
        Boosted word scores of hits that were not found by words, float (n,): see `beside`.
    groups
        Of which product each is a variant, where that was asked for.
    states
        Of the documents that were found, by item id.
    """

    ids: list[str]
    scores: NDArray[np.float64]
    boost: NDArray[np.float64]
    total: int = 0
    words: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    groups: tuple[str, ...] = ()
    states: dict[str, State] = field(default_factory=dict)


NO_HITS = Hits([], np.zeros(0), np.zeros(0))


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


def words(
    texts: Sequence[str],
    schema: IndexSchema,
    weights: Mapping[str, float],
    filters: Sequence[Query],
    every: bool = False,
) -> Query:
    """Return the boosted query for a cleaned text and others that are searched beside it."""
    variants = [_scored(text, schema, weights) for text in texts]
    for variant in variants[1:]:
        variant["bool"]["boost"] = WEIGHT
    found = variants[0] if len(variants) == 1 else {"dis_max": {"queries": variants}}
    if every:
        whole = [_every(text, schema) for text in texts]
        having = {"bool": {"should": whole, "minimum_should_match": 1}}
        found = {"bool": {"must": [found], "filter": [having]}}
    # An exact item is a match, be it by no word; `exact` puts it first.
    same = {"constant_score": {"filter": _exact(texts[0]), "boost": 0}}
    query = {"bool": {"should": [found, same], "minimum_should_match": 1, "filter": list(filters)}}
    return {
        "function_score": {
            "query": query,
            "field_value_factor": {"field": "boost", "missing": 1},
            "boost_mode": "multiply",
        }
    }


def every_item(filters: Sequence[Query]) -> Query:
    """Return the query for all items that meet the filters."""
    return {"bool": {"filter": list(filters)}} if filters else {"match_all": {}}


def listing(query: Query, size: int, up_to: int, sort: Sequence[Query] = ()) -> Query:
    """Return the search for the best hits of a query, or the first in an order, with a total."""
    body = {**_BARE, "query": query, "size": size, "track_total_hits": up_to or False}
    return body | ({"sort": list(sort), "track_scores": True} if sort else {})


def collapsed(body: Query) -> Query:
    """Return a search that gives the best of each group only, and the group of each hit."""
    asked = [*body["docvalue_fields"], fields.GROUP]
    return body | {"collapse": {"field": fields.GROUP}, "docvalue_fields": asked}


def grouped(body: Query) -> Query:
    """Return a search that gives the group of each hit."""
    return body | {"docvalue_fields": [*body["docvalue_fields"], fields.GROUP]}


def exact(text: str, filters: Sequence[Query], words: Query) -> Query:
    """Return the search for items whose code or whole title a text is."""
    query = {"bool": {"filter": [_exact(text), *filters]}}
    return listing(beside(query, words), MAX_EXACT, 0, BY_BOOST)


def near(
    vector: NDArray[np.float32], k: int, filters: Sequence[Query], num_candidates: int
) -> Query:
    """Return the query for the k nearest items that meet the filters."""
    return {
        "knn": {
            "field": "vector",
            "query_vector": vector,
            "k": k,
            "num_candidates": min(10_000, max(2 * k, num_candidates)),
            "filter": list(filters),
            # A score by 8 bits is wrong by some hundredths: the nearest are compared again.
            "rescore_vector": {"oversample": 2.0},
        }
    }


def beside(query: Query, words: Query) -> Query:
    """Return a query whose hits also tell their score by another one; what they score stays."""
    named = {"bool": {"must": [words], "_name": _WORDS}}
    return {"bool": {"must": [query], "should": [{"bool": {"must": [named], "boost": 0}}]}}


def sort_by(sorts: Sequence[tuple[str, bool]]) -> list[Query]:
    """Return the order of fields: without a value last, ties by id."""
    order = [
        {name: {"order": "desc" if descending else "asc", "missing": "_last"}}
        for name, descending in sorts
    ]
    return [*order, {"is_id": "asc"}]


def misspelt(text: str) -> Query:
    """Return the suggestions to ask for: words near those that no title, brand or category has."""
    return {
        f"word-{n}": {
            "text": word,
            "term": {
                "field": fields.TYPED,
                "suggest_mode": "missing",
                "max_edits": spelling.allowed(word),
                "prefix_length": 1,
                "min_word_length": spelling.MIN_LETTERS,
                "size": 100,
                "shard_size": 400,
                "max_inspections": 50,
            },
        }
        for n, word in enumerate(spelling.checked(text))
    }


def near_words(answer: Mapping[str, Any], text: str) -> dict[str, list[tuple[str, int]]]:
    """Return word to known words near it, counted, of those that may be mistyped."""
    found = {}
    for n, word in enumerate(spelling.checked(text)):
        entries = answer.get("suggest", {}).get(f"word-{n}", ())
        options = [(o["text"], int(o["freq"])) for entry in entries for o in entry["options"]]
        if options:
            found[word] = options
    return found


def having(word: str, schema: IndexSchema) -> Query:
    """Return the search that tells whether any item has a word in any text."""
    return {"query": _every(word, schema), "size": 0, "track_total_hits": 1}


def with_ids(ids: Sequence[str]) -> Query:
    """Return the filter for some ids."""
    return {"terms": {"is_id": list(ids)}}


def hits_of(answer: Mapping[str, Any]) -> Hits:
    """Return the hits of one answer."""
    found = answer["hits"]["hits"]
    values = [hit["fields"] for hit in found]
    total = answer["hits"].get("total", {"value": 0, "relation": "eq"})
    ids = [value["is_id"][0] for value in values]
    return Hits(
        ids,
        np.array([hit["_score"] or 0.0 for hit in found], dtype=np.float64),
        np.array([value.get("boost", (1.0,))[0] for value in values], dtype=np.float64),
        int(total["value"]) + (total["relation"] != "eq"),
        np.array(
            [hit.get("matched_queries", {}).get(_WORDS, 0.0) for hit in found], dtype=np.float64
        ),
        tuple(value[fields.GROUP][0] for value in values if fields.GROUP in value),
        dict(zip(ids, map(_state, found), strict=True)),
    )


def vectors(ids: Sequence[str]) -> Query:
    """Return the search that reads the vectors of some items."""
    body = listing(every_item([with_ids(ids)]), len(ids), 0)
    return body | {"docvalue_fields": ["is_id", "vector"]}


def vectors_of(
    answer: Mapping[str, Any],
) -> Iterator[tuple[str, State, NDArray[np.float32] | None]]:
    """Yield id, state and vector of each hit of `vectors`, None where an item has none."""
    for hit in answer["hits"]["hits"]:
        values = hit["fields"]
        vector = np.array(values["vector"][0], dtype=np.float32) if "vector" in values else None
        yield values["is_id"][0], _state(hit), vector


def _scored(text: str, schema: IndexSchema, weights: Mapping[str, float]) -> Query:
    cut = fields.languages(schema)
    should: list[Query] = [
        {"match": {name: {"query": as_searched(text, cut[name]), "boost": weights[name]}}}
        for name in fields.SCORED
        if weights.get(name, 0) > 0
    ]
    should.append({"constant_score": {"filter": _every(text, schema), "boost": ALL_WORDS}})
    return {"bool": {"should": should}}


def _every(text: str, schema: IndexSchema) -> Query:
    joined = as_searched(text, fields.languages(schema)[fields.ALL_TEXT])
    return {"match": {fields.ALL_TEXT: {"query": joined, "operator": "and"}}}


def _exact(text: str) -> Query:
    return {"terms": {fields.EXACT: list(exact_keys(text))}}
