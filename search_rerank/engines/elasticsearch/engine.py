"""The engine on a server; see `Engine` for what each method does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version as installed
from typing import Any, TypeVar

import elasticsearch as es
import numpy as np

from search_rerank.config import EngineConfig, RetrievalConfig
from search_rerank.data.item import Item
from search_rerank.engines import fields
from search_rerank.engines.base import (
    WRITTEN,
    Document,
    IndexSchema,
    Outcome,
    Retrieve,
    Stored,
    Suggestion,
    Version,
    outcome_of,
)
from search_rerank.engines.elasticsearch.connection import (
    WRITE_TIMEOUT_S,
    VersionGone,
    connect,
    errors_of,
    reason_of,
)
from search_rerank.engines.elasticsearch.mapping import source
from search_rerank.engines.elasticsearch.retrieval import Retrieval
from search_rerank.engines.elasticsearch.versions import Known, Versions
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.query import Candidates

_BULK = 500
T = TypeVar("T")


class ElasticsearchEngine:
    """Keeps its index on an Elasticsearch server.

    Parameters
    ----------
    config
        Address, index name and time limit.
    weights
        How candidates are chosen.

    Raises
    ------
    EngineUnavailable
        When the server does not answer.
    """

    name = "elasticsearch"

    def __init__(self, config: EngineConfig, weights: RetrievalConfig) -> None:
        self._url = ", ".join(config.urls)
        self._client = connect(config)
        self._writer = self._client.options(request_timeout=max(WRITE_TIMEOUT_S, config.timeout_s))
        self._versions = Versions(self._writer, config.index)
        self._retrieval = Retrieval(self._client, weights, config.timeout_s)
        with errors_of(self._url):
            self._server = str(self._client.info()["version"]["number"])

    def create(self, schema: IndexSchema, expected: int = 0) -> str:
        """Create an empty version beside the live one and return its name."""
        with errors_of(self._url):
            return self._versions.create(schema, expected)

    def write(self, version: str, documents: Sequence[Document]) -> Sequence[Outcome]:
        """Write documents, idempotent by item id; return the outcome of each, in their order."""
        with errors_of(self._url):
            schema = self._versions.get(version).schema
            good, refused = fields.sorted_out(documents, schema)
            operations = [
                part
                for id_, document in good.items()
                for part in ({"index": {"_id": id_}}, source(document, schema))
            ]
            refused |= self._bulk(version, operations, 2 * _BULK)
        return [outcome_of(document, refused) for document in documents]

    def delete(self, version: str, ids: Sequence[str], revision: int = 0) -> Sequence[Outcome]:
        """Remove items; ids that are not there are no error."""
        with errors_of(self._url):
            self._versions.get(version)
            self._bulk(version, [{"delete": {"_id": id_}} for id_ in ids], _BULK)
            return [WRITTEN] * len(ids)

    def finish(self, version: str) -> None:
        """Make all that was written visible to queries."""
        with errors_of(self._url):
            self._versions.get(version)
            self._writer.indices.refresh(index=version)

    def seal(self, version: str) -> None:
        """End the loading of a version."""
        self.finish(version)

    def count(self, version: str | None = None) -> int:
        """Return how many items a version holds."""
        return self._read(version, lambda known: int(self._client.count(index=known.name)["count"]))

    def promote(self, version: str) -> None:
        """Make a version the live one, in one atomic step."""
        with errors_of(self._url):
            self._versions.point(self._versions.get(version).name)

    def rollback(self) -> str:
        """Make the version that was live before the present one live again; return its name."""
        with errors_of(self._url):
            version = self._versions.previous()
            self._versions.point(version)
            return version

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
        raise NotImplementedError

    def suggest(self, prefix: str, k: int, version: str | None = None) -> Sequence[Suggestion]:
        """Return completions."""
        raise NotImplementedError

    def highlight(
        self, text: str, ids: Sequence[str], version: str | None = None
    ) -> Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]:
        """Return where the words of a text stand in items."""
        raise NotImplementedError

    def hashes(self, ids: Sequence[str], version: str | None = None) -> Sequence[str | None]:
        """Return the content hashes of items."""
        found = self.lookup(ids, version)
        return [None if stored is None else stored.content_hash for stored in found]

    def lookup(self, ids: Sequence[str], version: str | None = None) -> Sequence[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""
        if not ids:
            return []
        fits = [id_ for id_ in ids if 0 < len(id_.encode("utf-8", "replace")) <= 512]

        def look(known: Known) -> Sequence[Stored | None]:
            answer = self._client.mget(
                index=known.name,
                ids=fits or ["-"],
                realtime=False,
                source_includes=["json", "hash", "vector"],
            )
            for doc in answer["docs"]:
                if error := doc.get("error"):  # for each item, where the version is not there
                    raise VersionGone(f"Elasticsearch: {reason_of(error)}")
            found = {doc["_id"]: _stored(doc["_source"]) for doc in answer["docs"] if doc["found"]}
            return [found.get(id_) for id_ in ids]

        return self._read(version, look)

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

    def _bulk(self, version: str, operations: list[dict[str, Any]], size: int) -> dict[str, str]:
        refused: dict[str, str] = {}
        for start in range(0, len(operations), size):
            part = operations[start : start + size]
            answer = self._writer.bulk(index=version, operations=part, require_alias=False)
            for result in answer["items"] if answer["errors"] else ():
                (entry,) = result.values()
                status, error = entry["status"], entry.get("error")
                if error is None:
                    continue
                if status in (429, 503):
                    raise EngineUnavailable(f"Elasticsearch is overloaded: {reason_of(error)}")
                if status == 404:
                    raise EngineError(f"no version {version!r}: {reason_of(error)}")
                refused[entry["_id"]] = reason_of(error)
        return refused


def _stored(entry: Mapping[str, Any]) -> Stored:
    vector = entry.get("vector")
    return Stored(
        Item.model_validate_json(entry["json"]),
        entry["hash"],
        None if vector is None else np.array(vector, dtype=np.float32),
    )
