"""The engine that needs no server: any process reads and writes."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from search_rerank.config import EngineConfig, RetrievalConfig
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
from search_rerank.engines.embedded.files import told
from search_rerank.engines.embedded.items import ItemFile
from search_rerank.engines.embedded.layout import make_version
from search_rerank.engines.embedded.snapshot import Snapshot
from search_rerank.engines.embedded.state import GENERATION
from search_rerank.engines.embedded.versions import VersionFolder
from search_rerank.engines.embedded.writers import Writers
from search_rerank.engines.synonyms import Synonyms
from search_rerank.errors import EngineError
from search_rerank.query import Candidates

_log = logging.getLogger(__name__)
_TRIES = 5
"""How often a state is opened anew that others replaced twice meanwhile."""


class EmbeddedEngine:
    """Keeps its index in a folder; see `Engine` for what each method does.

    Parameters
    ----------
    home
        Folder of everything; the index lies in `home/index/NAME`.
    settings
        Name of the index, and how long one waits for another process that writes.
    weights
        How candidates are chosen.
    quantise_above
        With more items their vectors are found by a graph.
    """

    name = "embedded"

    def __init__(
        self,
        home: Path,
        settings: EngineConfig,
        weights: RetrievalConfig,
        quantise_above: int = 50_000,
    ) -> None:
        folder = home / "index" / settings.index
        self._folder = VersionFolder(folder, settings.index, settings.timeout_s)
        self._writers = Writers(self._folder, quantise_above, settings.timeout_s)
        self._weights = weights
        self._synonyms = Synonyms(weights.synonyms)
        self._guard = threading.RLock()
        self._snapshots: dict[str, tuple[tuple[int, int], Snapshot]] = {}

    def create(self, schema: IndexSchema, expected: int = 0) -> str:
        """Create an empty version beside the live one and return its name."""
        with self._locked():
            return self._folder.add(schema, datetime.now(UTC), make_version)

    def write(self, version: str, documents: Sequence[Document]) -> Sequence[Outcome]:
        """Write documents, idempotent by item id; return the outcome of each, in their order.

        While another process loads the version they are kept for it, and count as written.
        """
        return self._writers.write(version, documents)

    def delete(self, version: str, ids: Sequence[str], revision: int = 0) -> Sequence[Outcome]:
        """Remove items as of a revision; return the outcome of each."""
        return self._writers.delete(version, ids, revision)

    def finish(self, version: str) -> None:
        """Make all that was written durable and visible, and let other processes write."""
        self._writers.finish(version)

    def seal(self, version: str) -> None:
        """End the loading of a version: finish, apply what came meanwhile, make it fast."""
        self._writers.seal(version)

    def count(self, version: str | None = None) -> int:
        """Return how many items a version holds."""
        return len(self._snapshot(version).ids)

    def promote(self, version: str) -> None:
        """Make a version the live one, in one atomic step."""
        self._folder.path(version)
        with self._locked():
            if self._folder.loading(version):
                raise EngineError(f"{version} is still being loaded: finish and seal it first")
            pointer = self._folder.pointer()
            if pointer.live != version:
                self._folder.point(replace(pointer, live=version, previous=pointer.live))

    def rollback(self) -> str:
        """Make the version that was live before the present one live again; return its name."""
        with self._locked():
            pointer = self._folder.pointer()
            if pointer.previous is None:
                raise EngineError("nothing to roll back to: no version was live before this one")
            self._folder.path(pointer.previous)
            self._folder.point(replace(pointer, live=pointer.previous, previous=pointer.live))
            return pointer.previous

    def drop(self, version: str) -> None:
        """Delete a version that is not live."""
        self._folder.path(version)
        if self._folder.pointer().live == version:
            raise EngineError(f"{version} is live: promote another version first")
        with self._writers.without(version), self._locked():
            self._folder.remove(version)
        with self._guard:
            if (cached := self._snapshots.pop(version, None)) is not None:
                cached[1].close()

    def versions(self) -> Sequence[Version]:
        """Return all versions, newest first; a damaged one counts no items."""
        pointer, found = self._folder.pointer(), []
        for name in self._folder.names():
            try:
                path = self._folder.path(name)
                schema, created = self._folder.described(name)
                loading = self._folder.loading(name)
            except EngineError:
                if (self._folder.folder / name.rpartition("-")[2]).exists():
                    raise
                continue  # another process has just dropped it
            try:
                with closing(ItemFile(path, schema.dim)) as items:
                    count = items.state().count
            except sqlite3.Error as error:
                _log.warning("%s cannot be read: %s", name, error)
                count = 0
            live, previous = name == pointer.live, name == pointer.previous
            found.append(Version(name, schema, created, count, live, previous, loading))
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
        return self._snapshot(version).assist.did_you_mean(text)

    def suggest(self, prefix: str, k: int, version: str | None = None) -> Sequence[Suggestion]:
        """Return completions."""
        with self._guard:
            return self._snapshot(version).assist.suggest(prefix, k)

    def highlight(
        self, text: str, ids: Sequence[str], version: str | None = None
    ) -> Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]:
        """Return where the words of a text stand in items."""
        with self._guard:
            return self._snapshot(version).assist.highlight(text, list(ids))

    def hashes(self, ids: Sequence[str], version: str | None = None) -> Sequence[str | None]:
        """Return the content hashes of items."""
        with self._guard:
            return self._snapshot(version).items.hashes(list(ids))

    def lookup(self, ids: Sequence[str], version: str | None = None) -> Sequence[Stored | None]:
        """Return what is stored of items, in the order asked, None for ids not there."""
        with self._guard:
            return self._snapshot(version).items.lookup(list(ids))

    def items(self, ids: Sequence[str], version: str | None = None) -> Sequence[Item | None]:
        """Return items, in the order asked, None for ids not there."""
        with self._guard:
            return self._snapshot(version).items.items(list(ids))

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
        self._writers.close()
        with self._guard:
            for _, snapshot in self._snapshots.values():
                snapshot.close()
            self._snapshots.clear()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the index: nobody else creates, promotes or drops versions."""
        lock = self._folder.lock()
        lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _snapshot(self, version: str | None) -> Snapshot:
        if version is None:
            version = self._folder.pointer().live
        if version is None:
            raise EngineError(
                f"index {self._folder.index!r} has no live version: "
                f"run `search-rerank index load FILE --promote`"
            )
        folder = self._folder.folder / version.rpartition("-")[2]
        try:
            stamp = _stamp(folder)
        except FileNotFoundError:
            self._folder.path(version)  # says so where there is no such version
            with told(version, folder):
                raise
        cached = self._snapshots.get(version)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        with self._guard:
            return self._refreshed(version, folder, _TRIES)

    def _refreshed(self, version: str, folder: Path, tries: int) -> Snapshot:
        """Return the snapshot of the newest state; others may finish newer ones meanwhile."""
        stamp = _stamp(folder)
        cached = self._snapshots.get(version)
        if cached is not None and cached[0] == stamp:
            return cached[1]
        schema, before = self._folder.schema(version), None if cached is None else cached[1]
        try:
            with told(version, folder):
                snapshot = Snapshot(folder, schema, self._weights, self._synonyms, before)
        except EngineError:
            if tries == 1 or _stamp(folder) == stamp:
                raise
            return self._refreshed(version, folder, tries - 1)
        self._forget_others(version)
        self._snapshots[version] = stamp, snapshot
        return snapshot

    def _forget_others(self, version: str) -> None:
        """Let go of what nobody asks for: memory, and files since deleted.

        A thread that still searches one keeps it alive; only what looks items up reads its files,
        under the same guard.
        """
        live = self._folder.pointer().live
        for name in [name for name in self._snapshots if name not in (version, live)]:
            self._snapshots.pop(name)[1].close()


def _stamp(folder: Path) -> tuple[int, int]:
    """Return what another state has otherwise."""
    status = os.stat(folder / GENERATION)
    return status.st_mtime_ns, status.st_ino
