"""The engine that needs no server: several processes read while one writes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from search_rerank.config import RetrievalConfig
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
from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.snapshot import Snapshot
from search_rerank.engines.embedded.vectors import write_vectors
from search_rerank.engines.embedded.versions import VersionFolder, replace_file
from search_rerank.engines.embedded.writer import WordWriter
from search_rerank.errors import EngineError
from search_rerank.query import Candidates

_ITEMS = "items.sqlite"
_GENERATION = "generation"


class EmbeddedEngine:
    """Keeps its index in a folder; see `Engine` for what each method does.

    Parameters
    ----------
    home
        Folder of everything; the index lies in `home/index/NAME`.
    index
        Name of the index.
    weights
        How candidates are chosen.
    """

    name = "embedded"

    def __init__(self, home: Path, index: str, weights: RetrievalConfig) -> None:
        self._folder = VersionFolder(home / "index" / index, index)
        self._weights = weights
        self._guard = threading.RLock()
        self._snapshots: dict[str, tuple[tuple[int, int], Snapshot]] = {}
        self._writing: dict[str, tuple[IndexSchema, ItemFile, WordWriter]] = {}

    def create(self, schema: IndexSchema, expected: int = 0) -> str:
        """Create an empty version beside the live one and return its name."""
        with self._guard, self._locked():
            name = self._folder.add(schema, datetime.now(UTC))
            try:
                self._commit(name, *self._writer(name))
            finally:
                self._writing.pop(name, None)
            return name

    def write(self, version: str, documents: Sequence[Document]) -> Sequence[Outcome]:
        """Write documents, idempotent by item id; return the outcome of each, in their order."""
        with self._guard:
            schema, items, words = self._writer(version)
            good, refused = fields.sorted_out(documents, schema)
            written = list(good.values())
            for row, document in zip(items.put(written), written, strict=True):
                words.put(row, document.item, document.boost or 1.0)
            return [outcome_of(document, refused) for document in documents]

    def delete(self, version: str, ids: Sequence[str], revision: int = 0) -> Sequence[Outcome]:
        """Remove items; ids that are not there are no error."""
        with self._guard:
            _, items, words = self._writer(version)
            items.remove(ids)
            for id_ in ids:
                words.remove(id_)
            return [WRITTEN] * len(ids)

    def finish(self, version: str) -> None:
        """Make all that was written visible to queries, and let other processes write."""
        with self._guard:
            self._folder.path(version)
            if version in self._writing:
                self._commit(version, *self._writing[version])
                del self._writing[version]
            if not self._writing:
                self._folder.unlock()

    def seal(self, version: str) -> None:
        """End the loading of a version."""
        self.finish(version)

    def count(self, version: str | None = None) -> int:
        """Return how many items a version holds."""
        return len(self._snapshot(version).ids)

    def promote(self, version: str) -> None:
        """Make a version the live one, in one atomic step."""
        with self._guard:
            self._folder.path(version)
            with self._locked():
                pointer = self._folder.pointer()
                if pointer.live != version:
                    self._folder.point(replace(pointer, live=version, previous=pointer.live))

    def rollback(self) -> str:
        """Make the version that was live before the present one live again; return its name."""
        with self._guard, self._locked():
            pointer = self._folder.pointer()
            if pointer.previous is None:
                raise EngineError("nothing to roll back to: no version was live before this one")
            self._folder.path(pointer.previous)
            self._folder.point(replace(pointer, live=pointer.previous, previous=pointer.live))
            return pointer.previous

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""
        with self._guard:
            path = self._folder.path(version)
            if self._folder.pointer().live == version:
                raise EngineError(f"{version} is live: promote another version first")
            with self._locked():
                if version in self._writing:
                    _, items, words = self._writing.pop(version)
                    words.discard()
                    items.close()
                if (cached := self._snapshots.pop(version, None)) is not None:
                    cached[1].close()
                pointer = self._folder.pointer()
                if pointer.previous == version:
                    self._folder.point(replace(pointer, previous=None))
                gone = path.with_name(f"dropped-{path.name}")
                os.replace(path, gone)
                shutil.rmtree(gone)

    def versions(self) -> Sequence[Version]:
        """Return all versions, newest first."""
        live, found = self._folder.pointer().live, []
        for name in self._folder.names():
            try:
                found.append(self._described(name, name == live))
            except (EngineError, OSError, sqlite3.Error):
                if (self._folder.folder / name.rpartition("-")[2] / _GENERATION).exists():
                    raise
                # Another process is just making it, or has just dropped it.
        return found

    def retrieve(self, request: Retrieve, version: str | None = None) -> Candidates:
        """Return candidates by words and by meaning, in the order of the fused score."""
        return self._snapshot(version).retrieve(request)

    def score(
        self, request: Retrieve, ids: Sequence[str], version: str | None = None
    ) -> Candidates:
        """Return the given items with the scores `retrieve` would give them, best first."""
        return self._snapshot(version).score(request, list(ids))

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
        with self._guard:
            return self._snapshot(version).items.lookup(list(ids))

    def info(self) -> Mapping[str, Any]:
        """Return what a health page shows."""
        return {
            "kind": self.name,
            "where": str(self._folder.folder),
            "live": self._folder.pointer().live,
            "versions": {name: installed(name) for name in ("tantivy", "usearch")},
        }

    def close(self) -> None:
        """Release files; what was written and not finished is lost."""
        with self._guard:
            for _, items, words in self._writing.values():
                words.discard()
                items.close()
            for _, snapshot in self._snapshots.values():
                snapshot.close()
            self._writing.clear()
            self._snapshots.clear()
            self._folder.unlock()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the write lock for one step, and on where a version is still being written."""
        self._folder.lock()
        try:
            yield
        finally:
            if not self._writing:
                self._folder.unlock()

    def _writer(self, version: str) -> tuple[IndexSchema, ItemFile, WordWriter]:
        if version not in self._writing:
            path = self._folder.path(version)
            self._folder.lock()
            schema, _ = self._folder.schema(version)
            items = ItemFile(path / _ITEMS, write=True)
            self._writing[version] = schema, items, WordWriter(path / "words", schema)
        return self._writing[version]

    def _commit(
        self, version: str, schema: IndexSchema, items: ItemFile, words: WordWriter
    ) -> None:
        """Write words, then vectors, then items, last the file that tells readers to look."""
        path = self._folder.path(version)
        words.commit()
        number = items.generation() + 1
        write_vectors(path, number, items.count(), schema.dim, items.vectors())
        items.commit()
        items.close()
        replace_file(path / _GENERATION, str(number).encode())

    def _described(self, name: str, live: bool) -> Version:
        schema, created = self._folder.schema(name)
        with closing(ItemFile(self._folder.path(name) / _ITEMS)) as items:
            return Version(name, schema, created, items.count(), live)

    def _snapshot(self, version: str | None) -> Snapshot:
        if version is None:
            version = self._folder.pointer().live
        if version is None:
            raise EngineError(
                f"index {self._folder.index!r} has no live version: "
                f"run `search-rerank index load FILE --promote`"
            )
        path = self._folder.folder / version.rpartition("-")[2]
        try:
            status = os.stat(path / _GENERATION)
        except FileNotFoundError:
            path = self._folder.path(version)
            status = os.stat(path / _GENERATION)
        stamp = (status.st_mtime_ns, status.st_ino)
        cached = self._snapshots.get(version)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        with self._guard:
            cached = self._snapshots.get(version)
            if cached is None or cached[0] != stamp:
                path = self._folder.path(version)
                schema, _ = self._folder.schema(version)
                cached = stamp, Snapshot(path, schema, self._weights)
                self._forget_others(version)
                self._snapshots[version] = cached
            return cached[1]

    def _forget_others(self, version: str) -> None:
        """Let go of what the snapshot of a version replaces: memory, and files since deleted.

        A thread that still searches one keeps it alive; only `lookup` reads its files, under the
        same guard.
        """
        live = self._folder.pointer().live
        for name in [name for name in self._snapshots if name == version or name != live]:
            self._snapshots.pop(name)[1].close()
