"""Candidates that a log fixes: the list shown, or the same items for every query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_rerank.engines.base import Retrieve
from search_rerank.query import Candidates, Query
from search_rerank.retriever import Retriever


class Fixed(Retriever):
    """Stands in for an engine where nothing is retrieved: items keep the order they are given in.

    Words are not looked at, so that no column of an engine's says anything.
    """

    def __init__(self) -> None:
        pass

    def request(self, query: Query, k: int) -> Retrieve:
        """Return the query as it was typed."""
        return Retrieve(query.text, k=k)

    def score(self, request: Retrieve, ids: Sequence[str]) -> Candidates:
        """Return the items in the order given, without a score."""
        nothing = np.full(len(ids), np.nan, dtype=np.float32)
        return Candidates(list(ids), nothing, nothing, nothing, total=len(ids))
