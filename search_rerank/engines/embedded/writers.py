"""The versions that an embedded engine is writing, each under its own lock."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from search_rerank.engines.base import UNCHANGED, WRITTEN, Document, Outcome
from search_rerank.engines.embedded.files import told
from search_rerank.engines.embedded.journal import Journal
from search_rerank.engines.embedded.locks import FileLock
from search_rerank.engines.embedded.version_writer import VersionWriter
from search_rerank.engines.embedded.versions import VersionFolder
from search_rerank.engines.revisions import sorted_out

T = TypeVar("T")


class Writers:
    """Opens a version for the first change, and holds its lock until it is finished.

    Parameters
    ----------
    folder
        The versions.
    quantise_above
        As in `VersionWriter`.
    timeout_s
        How long one waits for another process.
    """

    def __init__(self, folder: VersionFolder, quantise_above: int, timeout_s: float) -> None:
        self._folder = folder
        self._quantise_above = quantise_above
        self._timeout_s = timeout_s
        self._held: dict[str, tuple[FileLock, VersionWriter]] = {}
        self._guards: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def write(self, version: str, documents: Sequence[Document]) -> list[Outcome]:
        """Write documents as `Engine.write` does."""

        def later(journal: Journal) -> list[Outcome] | None:
            outcomes, last = sorted_out(documents, self._folder.schema(version))
            if not journal.append([documents[place] for place in sorted(last.values())]):
                return None
            return [outcome or WRITTEN for outcome in outcomes]

        return self._changed(version, lambda writer: writer.write(documents), later)

    def delete(self, version: str, ids: Sequence[str], revision: int) -> list[Outcome]:
        """Remove items as `Engine.delete` does."""

        def later(journal: Journal) -> list[Outcome] | None:
            if not journal.append([], ids, revision):
                return None
            return [UNCHANGED if id_ in ids[:place] else WRITTEN for place, id_ in enumerate(ids)]

        return self._changed(version, lambda writer: writer.delete(ids, revision), later)

    def finish(self, version: str) -> None:
        """Make what was written here durable and visible, and let others write."""
        self._folder.path(version)
        with self._guards[version]:
            if version in self._held:
                with self._ended(version) as writer:
                    writer.finish()

    def seal(self, version: str) -> None:
        """End the loading of a version."""
        with self._guards[version]:
            self._open(version)
            with self._ended(version) as writer:
                writer.seal()

    @contextmanager
    def without(self, version: str) -> Iterator[None]:
        """Hold the lock of a version; what was written here and not finished is forgotten."""
        with self._guards[version]:
            self._discard(version)
            lock = self._folder.lock(version)
            lock.acquire()
            try:
                yield
            finally:
                lock.release()

    def close(self) -> None:
        """Forget what was not finished."""
        for version in list(self._held):
            self._discard(version)

    def _changed(
        self,
        version: str,
        now: Callable[[VersionWriter], T],
        later: Callable[[Journal], T | None],
    ) -> T:
        """Change a version, or its journal while another process loads it.

        What stands in the journal counts as written; what it comes to is seen when it is taken in.
        """
        path = self._folder.path(version)
        with self._guards[version], told(version, path):
            writer = self._open_unless_loaded(version)
            if writer is None:
                done = later(Journal(path, self._timeout_s))
                if done is not None:
                    return done
                writer = self._open(version)
            try:
                return now(writer)
            except BaseException:
                self._discard(version)  # a part of it may be there
                raise

    def _open(self, version: str) -> VersionWriter:
        """Return the writer of a version, after waiting for others."""
        if version not in self._held:
            lock = self._folder.lock(version)
            lock.acquire()
            self._hold(version, lock)
        return self._held[version][1]

    def _open_unless_loaded(self, version: str) -> VersionWriter | None:
        """Return the writer of a version, None where another process is loading it."""
        if version not in self._held and self._folder.loading(version):
            lock = self._folder.lock(version)
            if not lock.try_acquire():
                return None
            self._hold(version, lock)
        return self._open(version)

    def _hold(self, version: str, lock: FileLock) -> None:
        try:
            path, schema = self._folder.path(version), self._folder.schema(version)
            with told(version, path):
                journal = Journal(path, self._timeout_s)
                writer = VersionWriter(path, schema, self._quantise_above, journal)
        except BaseException:
            lock.release()
            raise
        self._held[version] = lock, writer

    @contextmanager
    def _ended(self, version: str) -> Iterator[VersionWriter]:
        """Give up a writer after its last step, or forget what it wrote where that fails."""
        _, writer = self._held[version]
        try:
            with told(version, self._folder.path(version)):
                yield writer
        except BaseException:
            self._discard(version)
            raise
        lock, _ = self._held.pop(version)
        writer.close()
        lock.release()

    def _discard(self, version: str) -> None:
        if version in self._held:
            lock, writer = self._held.pop(version)
            try:
                writer.discard()
            finally:
                lock.release()
