"""The least that a search of a shop on Elasticsearch could ask the server for, timed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import elasticsearch as es
from elasticsearch.serializer import OrjsonSerializer

from benchmarks.common import percentiles
from benchmarks.retrieval_latency import LEANEST, bodies, ids_of
from search_rerank.config import load_config
from search_rerank.engines.base import live_version
from search_rerank.pipeline import Pipeline
from search_rerank.query import Query
from search_rerank.state.opening import open_state

_WARM = 50


def leanest(shop: Path, queries: Sequence[str]) -> dict[str, Any]:
    """Return the row of one client that asks `_msearch` by words and by vector, ids only.

    The vectors are those that the shop's encoder makes of the queries, made beforehand; queries
    without a known word have none and are left out, and the first 50 are not counted.
    """
    config = load_config(shop / "config.toml")
    k = config.retrieval.k
    with closing(open_state(config)) as state, closing(Pipeline.open(config, state)) as pipeline:
        live = live_version(pipeline.engine)
        assert live is not None
        retriever = pipeline.in_use.retriever
        asked = [retriever.request(Query(text=text, k=k), k) for text in queries]
    searches = [bodies(each, live.schema, LEANEST) for each in asked if each.vector is not None]
    times = []
    with es.Elasticsearch(config.engine.url, serializer=OrjsonSerializer()) as client:
        for pair in searches:
            start = perf_counter()
            ids_of(client.msearch(index=live.name, searches=pair)["responses"])
            times.append((perf_counter() - start) * 1000)
    return {"system": "msearch_leanest", **percentiles(times[_WARM:])}
