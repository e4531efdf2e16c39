"""Candidates for a query: its words encoded, the engine asked."""

from __future__ import annotations

from collections.abc import Sequence

from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.query import MAX_QUERY_CHARACTERS, Candidates, Query


class Retriever:
    """Asks one version of an engine, by words and by the encoder's vector.

    Parameters
    ----------
    engine
        Where the items are.
    encoder
        What made the vectors of the index; None searches by words only.
    version
        The index version to ask; None is the live one.
    """

    def __init__(
        self, engine: Engine, encoder: Encoder | None = None, version: str | None = None
    ) -> None:
        self.engine = engine
        self._encoder = encoder
        self._version = version

    def request(self, query: Query, k: int) -> Retrieve:
        """Return what the engine is asked for a query."""
        text = query.text.strip()[:MAX_QUERY_CHARACTERS]
        vector = None
        if text and self._encoder is not None:
            vector = self._encoder.encode([text])[0]
            if not vector.any():  # no known word: every cosine would be undefined
                vector = None
        return Retrieve(text, vector, query.filters, query.facets, k)

    def retrieve(self, request: Retrieve) -> Candidates:
        """Return the engine's candidates."""
        return self.engine.retrieve(request, self._version)

    def score(self, request: Retrieve, ids: Sequence[str]) -> Candidates:
        """Return the given items in the engine's order."""
        return self.engine.score(request, ids, self._version)
