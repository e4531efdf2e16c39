"""What helps a shopper who is typing, from one version on a server."""

from __future__ import annotations

from typing import Any

import elasticsearch as es
import orjson

from search_rerank.engines import completion, fields
from search_rerank.engines.base import Suggestion
from search_rerank.engines.elasticsearch import search
from search_rerank.engines.elasticsearch.asking import Asking, good
from search_rerank.engines.elasticsearch.counting import BY_COUNT
from search_rerank.engines.elasticsearch.mapping import PRESENT
from search_rerank.engines.elasticsearch.versions import Known


def suggest(
    client: es.Elasticsearch, prefix: str, k: int, timeout_s: float, version: Known
) -> list[Suggestion]:
    """Return completions as `Engine.suggest` does."""
    whole, last = completion.typed(prefix)
    k = max(1, min(k, completion.MAX_COMPLETIONS))
    if not last:
        return []
    parts: list[dict[str, Any]] = [{"term": {fields.TYPED: word}} for word in whole]
    parts.append({"prefix": {fields.TYPED: {"value": last}}})
    if version.loading:
        parts.append(PRESENT)
    body = {
        "query": {"bool": {"filter": parts}},
        "size": 4 * k,
        "sort": search.BY_BOOST,
        "track_total_hits": False,
        "_source": ["json"],
        "aggs": {
            kind: {"terms": {"field": f"is_{kind}", "size": completion.FETCHED, "order": BY_COUNT}}
            for kind in ("brand", "category")
        },
    }
    answer = good(Asking(client, timeout_s).ask(version, [body])[0])
    items = [orjson.loads(hit["_source"]["json"]) for hit in answer["hits"]["hits"]]
    found = completion.titles(((str(item["id"]), item["title"]) for item in items), k)
    for kind in ("brand", "category"):
        buckets = answer["aggregations"][kind]["buckets"]
        counted = [(bucket["key"], bucket["doc_count"]) for bucket in buckets]
        found += completion.values(kind, counted, last, k)
    return found
