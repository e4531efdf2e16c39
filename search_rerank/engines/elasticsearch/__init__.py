"""An engine on an Elasticsearch server, 8.19 or newer."""

from search_rerank.engines.elasticsearch.engine import ElasticsearchEngine

__all__ = ["ElasticsearchEngine"]
