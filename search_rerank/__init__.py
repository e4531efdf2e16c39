"""search_rerank: a shop's search box that knows the shopper."""

__version__ = "0.1.0"
