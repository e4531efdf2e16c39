"""The engine on a server; see `Engine` for what each method does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version as installed
from typing import Any, TypeVar

import elasticsearch as es
import numpy as np

from search_rerank.config import EngineConfig, LoadConfig, RetrievalConfig
from search_rerank.data.item import Item
from search_rerank.engines.base import (
    Document,
    IndexSchema,
    Outcome,
    Retrieve,
    Stored,
    Suggestion,
    Version,
)
from search_rerank.engines.elasticsearch.bulk import Bulk
from search_rerank.engines.elasticsearch.completion import suggest
from search_rerank.engines.elasticsearch.connection import (
    WRITE_TIMEOUT_S,
    VersionGone,
    address,
    connect,
    errors_of,
)
from search_rerank.engines.elasticsearch.items import Items, stored
from search_rerank.engines.elasticsearch.retrieval import Retrieval
from search_rerank.engines.elasticsearch.versions import Known, Versions
from search_rerank.engines.elasticsearch.writing import Writing
from search_rerank.engines.highlight import highlights
from search_rerank.engines.words import clean
from search_rerank.query import Candidates

T = TypeVar("T")


class ElasticsearchEngine:
    """Keeps its index on an Elasticsearch server.

    Parameters
    ----------
    config
        Addresses, index name and time limit.
    weights
        How candidates are chosen.
    load
        Bulk requests at a time, and their size.
    quantise_above
        With more items expected, vectors are kept in 8 bits and found by a graph.

    Raises
    ------
    EngineUnavailable
        When the server does not answer.
    """

    name = "elasticsearch"

    def __init__(
        self,
        config: EngineConfig,
        weights: RetrievalConfig,
        load: LoadConfig,
        quantise_above: int = 50_000,
    ) -> None:
        self._url = address(config)
        self._client = connect(config)
        self._writer = self._client.options(request_timeout=max(WRITE_TIMEOUT_S, config.timeout_s))
        self._versions = Versions(self._writer, self._client, config, quantise_above)
        self._writing = Writing(self._writer, Bulk(self._writer, load))
        self._items = Items(self._client, config.items_mb)
        self._retrieval = Retrieval(self._client, weights, config, self._items)
        self._timeout_s = config.timeout_s
        with errors_of(self._url):
            self._server = str(self._client.info()["version"]["number"])

    def create(self, schema: IndexSchema, expected: int = 0) -> str:
        """Create an empty version beside the live one and return its name."""
        with errors_of(self._url):
            return self._versions.create(schema, expected)

    def write(self, version: str, documents: Sequence[Document]) -> Sequence[Outcome]:
        """Write documents, idempotent by item id; return the outcome of each, in their order."""
        with errors_of(self._url):
            return self._writing.write(self._versions.get(version), documents)

    def delete(self, version: str, ids: Sequence[str], revision: int = 0) -> Sequence[Outcome]:
        """Remove items as of a revision; return the outcome of each."""
        with errors_of(self._url):
            known = self._versions.get(version)
            outcomes = self._writing.delete(known, ids, revision)
            if known.loading and not self._versions.get(version, fresh=True).loading:
                self._writing.purge(known)  # it was sealed meanwhile
            return outcomes

    def finish(self, version: str) -> None:
        """Make all that was written visible to queries."""
        with errors_of(self._url):
            self._versions.get(version)
            self._writer.indices.refresh(index=version)
            self._items.changed()

    def seal(self, version: str) -> None:
        """End the loading of a version."""
        with errors_of(self._url):
            known = self._versions.get(version, fresh=True)
            self._writing.purge(known)
            if known.loading:
                self._versions.seal(known)
                self._writing.purge(known)  # what was removed while the first was under way

    def count(self, version: str | None = None) -> int:
        """Return how many items a version holds."""
        return self._read(version, self._versions.count)

    def promote(self, version: str) -> None:
        """Make a version the live one, in one atomic step."""
        with errors_of(self._url):
            self._versions.promote(version)

    def rollback(self) -> str:
        """Make the version that was live before the present one live again; return its name."""
        with errors_of(self._url):
            return self._versions.rollback()

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""
        with errors_of(self._url):
            self._versions.drop(version)

    def versions(self) -> Sequence[Version]:
        """Return all versions, newest first."""
        with errors_of(self._url):
            return self._versions.described()

    def retrieve(self, request: Retrieve, version: str | None = None) -> Candidates:
        """Return candidates by words and by meaning, in the order of the fused score."""
        return self._read(version, lambda known: self._retrieval.retrieve(request, known))

    def score(
        self, request: Retrieve, ids: Sequence[str], version: str | None = None
    ) -> Candidates:
        """Return the given items with the scores `retrieve` would give them, best first."""
        return self._read(version, lambda known: self._retrieval.score(request, ids, known))

    def did_you_mean(self, text: str, version: str | None = None) -> str | None:
        """Return the text with unknown words replaced."""
        return self._read(version, lambda known: self._retrieval.did_you_mean(text, known))

    def suggest(self, prefix: str, k: int, version: str | None = None) -> Sequence[Suggestion]:
        """Return completions."""
        complete = partial(suggest, self._client, prefix, k, self._timeout_s)
        return self._read(version, complete)

    def highlight(
        self, text: str, ids: Sequence[str], version: str | None = None
    ) -> Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]:
        """Return where the words of a text stand in items."""
        texts = self._retrieval.synonyms.variants(clean(text))

        def look(known: Known) -> Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]:
            items = {item.id: item for item in filter(None, self.items(ids, known.name))}
            return highlights(texts, items, known.schema)

        return self._read(version, look)

    def hashes(self, ids: Sequence[str], version: str | None = None) -> Sequence[str | None]:
        """Return the content hashes of items."""
        return self._read(version, lambda known: self._writing.hashes(known, ids))

    def lookup(self, ids: Sequence[str], version: str | None = None) -> Sequence[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""

        def look(known: Known) -> Sequence[Stored | None]:
            found = stored(self._client, known, ids, ["json", "hash", "vector"])
            return [_stored(found[id_]["_source"]) if id_ in found else None for id_ in ids]

        return self._read(version, look)

    def items(self, ids: Sequence[str], version: str | None = None) -> Sequence[Item | None]:
        """Return items, in the order asked, None for ids not there."""
        return self._read(version, lambda known: self._items.get(known, ids))

    def info(self) -> Mapping[str, Any]:
        """Return what a health page shows; asks the server."""
        with errors_of(self._url):
            self._server = str(self._client.info()["version"]["number"])
            live = next((known.name for known in self._versions.all() if known.live), None)
        return {
            "kind": self.name,
            "where": self._url,
            "live": live,
            "versions": {
                "elasticsearch": self._server,
                "elasticsearch-py": installed("elasticsearch"),
            },
        }

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _read(self, version: str | None, ask: Callable[[Known], T]) -> T:
        """Ask a version; once more where what we took for live was dropped meanwhile."""
        with errors_of(self._url):
            try:
                return ask(self._versions.get(version))
            except (es.NotFoundError, VersionGone):
                self._versions.forget()
                return ask(self._versions.get(version))


def _stored(entry: Mapping[str, Any]) -> Stored:
    vector = entry.get("vector")
    return Stored(
        Item.model_validate_json(entry["json"]),
        entry["hash"],
        None if vector is None else np.array(vector, dtype=np.float32),
    )
