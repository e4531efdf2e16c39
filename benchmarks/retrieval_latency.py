"""Latency of `Engine.retrieve` beside plain requests to the same Elasticsearch index.

    SEARCH_RERANK_ES_URL=http://127.0.0.1:9200 python -m benchmarks.retrieval_latency [--rounds 3]
        [--encoder hashing] [--cache FILE] [--data DIR] [--json FILE]

Every request asks for 200 items by words, 200 by vector and the counts of all brands. `msearch`
is what one would write first: both searches in one round trip, ids as the server gives them.
`msearch_leanest` reads ids from doc values and nothing from the stored fields. Both only read the
hits; `elasticsearch` also looks for exact items, checks the spelling, has the word scores of what
only the vectors found, knows or asks for the cosines of what only the words found, and fuses.
Systems take turns query by query; before each round the server forgets what searches found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import elasticsearch as es
from elasticsearch.serializer import OrjsonSerializer

from benchmarks.common import percentiles, report
from benchmarks.engines import ES_URL, forget_searches
from benchmarks.judged import DEPTH, Systems, indexed, judged_options
from search_rerank.config import RetrievalConfig
from search_rerank.data.chorus import NAME, read_chorus
from search_rerank.data.layouts import data_root
from search_rerank.engines.base import Engine, IndexSchema, Retrieve
from search_rerank.engines.elasticsearch import search
from search_rerank.engines.words import clean
from search_rerank.query import Candidates, value_facets

MODE = "hybrid"
FACETS = value_facets("brand")
Body = dict[str, Any]
PLAIN: Body = {"_source": False}
LEANEST = PLAIN | {"stored_fields": "_none_", "docvalue_fields": ["is_id"]}
Call = Callable[[int], object]


@click.command()
@judged_options
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100))
def main(
    rounds: int, encoder: str, cache: Path | None, data: Path | None, json_file: Path | None
) -> None:
    """Print the latency of both engines and of plain requests, and the ratios between them."""
    seconds: dict[str, float] = {}
    judgements = read_chorus(data or data_root() / NAME)
    with indexed(judgements, (), encoder, cache, seconds) as systems, ExitStack() as stack:
        requests = _requests(systems)
        calls = _engines(systems, requests)
        if "elasticsearch" in calls:
            client = stack.enter_context(
                es.Elasticsearch(os.environ[ES_URL], serializer=OrjsonSerializer())
            )
            calls |= _plain(client, systems, requests)
        start = perf_counter()
        times = _measure(calls, len(requests), rounds)
        seconds["requests"] = perf_counter() - start
    rows = [{"system": name, **percentiles(spent)} for name, spent in times.items()]
    protocol = (
        f"{judgements.name}, {len(judgements.items)} products, encoder {Path(encoder).name}, "
        f"{len(requests)} queries {rounds} times after one round to warm up, one sequential "
        f"client, systems in turn query by query: {DEPTH} by words, {DEPTH} by vector, brands "
        "counted"
    )
    report("retrieval_latency", protocol, [*rows, *_ratios(rows)], seconds, json_file)


def _requests(systems: Systems) -> list[Retrieve]:
    asked = (systems.request(n, MODE) for n in range(len(systems.queries)))
    return [replace(request, facets=FACETS) for request in asked if request.vector is not None]


def _engines(systems: Systems, requests: Sequence[Retrieve]) -> dict[str, Call]:
    def retrieve(engine: Engine, version: str, n: int) -> Candidates:
        return engine.retrieve(requests[n], version)

    return {
        kind: partial(retrieve, engine, version)
        for (kind, mode), (engine, version) in systems.engines.items()
        if mode == MODE
    }


def _plain(
    client: es.Elasticsearch, systems: Systems, requests: Sequence[Retrieve]
) -> dict[str, Call]:
    engine, version = systems.engines["elasticsearch", MODE]
    schema = next(found.schema for found in engine.versions() if found.name == version)

    def ask(searches: Sequence[list[Body]], n: int) -> list[list[tuple[str, float]]]:
        return ids_of(client.msearch(index=version, searches=searches[n])["responses"])

    return {
        name: partial(ask, [bodies(request, schema, fetched) for request in requests])
        for name, fetched in (("msearch", PLAIN), ("msearch_leanest", LEANEST))
    }


def bodies(request: Retrieve, schema: IndexSchema, fetched: Body) -> list[Body]:
    """Return both searches of a request: the engine's own words, the plain vector search.

    Brands are counted where the request counts anything.
    """
    weights = RetrievalConfig()
    query = search.words([clean(request.text)], schema, weights.fields, [])
    words = search.listing(query, request.k, weights.total_up_to)
    if request.facets:
        words |= {"aggs": {"brand": {"terms": {"field": "is_brand", "size": FACETS[0].size}}}}
    knn = {"field": "vector", "query_vector": request.vector, "k": request.k}
    knn["num_candidates"] = weights.num_candidates
    near = {"knn": knn, "size": request.k, "track_total_hits": False}
    stripped = {key: value for key, value in words.items() if key not in LEANEST}
    return [{}, stripped | fetched, {}, near | fetched]


def ids_of(answers: Sequence[Body]) -> list[list[tuple[str, float]]]:
    """Return the ids and scores of the hits of each answer."""
    return [
        [
            (hit["_id"] if "_id" in hit else hit["fields"]["is_id"][0], hit["_score"])
            for hit in answer["hits"]["hits"]
        ]
        for answer in answers
    ]


def _measure(named: dict[str, Call], queries: int, rounds: int) -> dict[str, list[float]]:
    """Return milliseconds of each call; who begins changes from query to query."""
    times: dict[str, list[float]] = {name: [] for name in named}
    order = list(named)
    for turn in range(rounds + 1):
        forget_searches()
        for n in range(queries):
            order = order[1:] + order[:1]
            for name in order:
                start = perf_counter()
                named[name](n)
                if turn:
                    times[name].append((perf_counter() - start) * 1000)
    return times


def _ratios(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    p50 = {row["system"]: row["p50_ms"] for row in rows}
    ours = p50.get("elasticsearch")
    return [
        {"system": f"elasticsearch/{other}", "p50_ratio": ours / p50[other]}
        for other in ("msearch", "msearch_leanest")
        if ours is not None and other in p50
    ]


if __name__ == "__main__":
    main()
