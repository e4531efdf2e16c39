"""Candidates for a query: its words encoded, the engine asked, and asked again where it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from search_rerank.config import RetrievalConfig
from search_rerank.encoders.base import Encoder
from search_rerank.engines.base import Engine, Retrieve
from search_rerank.query import MAX_QUERY_CHARACTERS, Candidates, Query

WORDS = "words"
MEANING = "meaning"
"""What `Candidates.relaxed` may name."""
NO_WORD = "\N{WORD JOINER}"
"""A text without any word: what an engine finds for it, it finds by the vector alone."""


class Retriever:
    """Asks one version of an engine, by words and by the encoder's vector.

    Words that no item has are replaced by the nearest known ones (`retrieval.typos`); where every
    word is asked for and no item has all, those with some are the answer; where no item has any,
    those that are near in meaning are, and the answer says each of it.

    Parameters
    ----------
    engine
        Where the items are.
    encoder
        What made the vectors of the index; None searches by words only.
    version
        The index version to ask; None is the live one.
    config
        How far a request may be loosened.
    """

    def __init__(
        self,
        engine: Engine,
        encoder: Encoder | None = None,
        version: str | None = None,
        config: RetrievalConfig | None = None,
    ) -> None:
        self.engine = engine
        self._encoder = encoder
        self._version = version
        self._config = config or RetrievalConfig()

    def request(self, query: Query, k: int) -> Retrieve:
        """Return what the engine is asked for a query as it was typed."""
        text = query.text.strip()[:MAX_QUERY_CHARACTERS]
        return self._meaning(
            Retrieve(
                text,
                None,
                query.filters,
                query.facets,
                k,
                query.sort,
                query.collapse,
                self._config.every_word,
                query.as_typed,
            )
        )

    def retrieve(self, request: Retrieve) -> Candidates:
        """Return the engine's candidates for the request, or for what was made of it."""
        found = self.engine.retrieve(request, self._version)
        searched = None
        if self._corrects(request) and found.did_you_mean is not None:
            searched = found.did_you_mean
            request = self._retyped(request, searched)
            found = self.engine.retrieve(request, self._version)
        relaxed: tuple[str, ...] = ()
        if request.every_word and request.text and not found.total:
            some = self.engine.retrieve(replace(request, every_word=False), self._version)
            if some.total:
                found, relaxed = some, (WORDS,)
        if request.text and len(found) and not found.total:
            found, relaxed = replace(found, total=len(found)), (MEANING,)
        return replace(found, searched=searched, relaxed=relaxed)

    def score(self, request: Retrieve, ids: Sequence[str]) -> Candidates:
        """Return the given items in the engine's order, by the text that `retrieve` searches."""
        searched = None
        if self._corrects(request):
            searched = self.engine.did_you_mean(request.text, self._version)
        if searched is not None:
            request = self._retyped(request, searched)
        found = self.engine.score(request, ids, self._version)
        return replace(found, searched=searched)

    def _corrects(self, request: Retrieve) -> bool:
        return self._config.typos == "correct" and not request.as_typed and bool(request.text)

    def _retyped(self, request: Retrieve, text: str) -> Retrieve:
        other = replace(request, text=text)
        return other if request.vector is None else self._meaning(other)

    def _meaning(self, request: Retrieve) -> Retrieve:
        if not request.text or self._encoder is None or request.sort:
            return replace(request, vector=None)
        vector = self._encoder.encode([request.text])[0]
        # Without a known word every cosine would be undefined.
        return replace(request, vector=vector if vector.any() else None)
