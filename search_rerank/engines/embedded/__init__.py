"""An engine in the process itself: tantivy for words, numpy or usearch for vectors, on disk."""

from search_rerank.engines.embedded.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]
