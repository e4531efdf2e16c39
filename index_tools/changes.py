"""Items put, patched and deleted while searches run, in the live version and those after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_attempt
from tenacity.wait import wait_random_exponential

from index_tools.ahead import unix_now_ms, why_ahead
from index_tools.checkpoints import Checkpoints
from index_tools.item_vectors import ItemVectors, Vectors
from index_tools.patch import patched
from index_tools.touched import Touched
from index_tools.untaken import TAKEN
from search_rerank.config import Config
from search_rerank.data.item import Item
from search_rerank.encoders.cache import VectorCache
from search_rerank.engines.base import CONFLICT, Document, Engine, Outcome, Stored, Version
from search_rerank.engines.fields import unix_ms
from search_rerank.errors import DataError, EngineError
from search_rerank.workspace import Workspace

_ATTEMPTS = 10


class Changes:
    """Changes single items of the live version and of every version made after it.

    Those may be loading (a change that comes meanwhile is newer than the catalogue's row), or wait
    to be promoted. What is answered as written is durable, and found by the next search. Safe with
    several threads and processes.

    Parameters
    ----------
    config
        Where the home folder is: each version's encoder and the vector cache.
    engine
        What keeps the index.
    clock
        The present, unix milliseconds: the revision of what does not say when it was true.
    """

    def __init__(
        self, config: Config, engine: Engine, clock: Callable[[], int] = unix_now_ms
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._workspace = Workspace(config)
        self._vectors = ItemVectors(self._workspace)
        self._checkpoints = Checkpoints(config.home)
        self._touched = Touched(config.home)

    def put(self, items: Sequence[Item]) -> list[Outcome]:
        """Write whole items, new or in the place of those with their ids.

        Parameters
        ----------
        items
            Of several with one id the last counts; its `updated_at` is its revision, else the
            present.

        Returns
        -------
        The outcome of each in the live version: `written`, `unchanged`, `stale`, `refused` (also
        where `updated_at` lies too far ahead, see `MAX_AHEAD_MS`).

        Raises
        ------
        EngineError
            Where there is no live version, or the engine fails; the same call may be made again.
        BundleError
            Where the encoder of a version is not in the home folder.
        """
        if not items:
            return []
        live, later = self._targets()
        now = self._clock()
        ahead = [why_ahead(item, now) for item in items]
        taken = [item for item, reason in zip(items, ahead, strict=True) if reason is None]
        revisions = [_revision(item, now) for item in taken]
        with self._workspace.cache() as cache:
            outcomes = self._write(live, taken, self._vectors.of(live, taken, cache), revisions)
            self._engine.finish(live.name)
            self._follow(later, taken, revisions, outcomes, cache)
        told = iter(outcomes)
        return [next(told) if reason is None else Outcome("refused", reason) for reason in ahead]

    def patch(self, rows: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Change some fields of items; the others stay, and so does the vector if the text does.

        Parameters
        ----------
        rows
            `id` and the fields that change; None removes one, `attributes` name by name. Several
            with one id are applied in their order. `updated_at` is the revision, else the present.

        Returns
        -------
        The outcome of each, as `put`; `refused` also where there is no such item; `conflict` where
        others changed an item all the while, so that the row may be sent again.

        Raises
        ------
        EngineError, BundleError
            As `put`.
        """
        outcomes: list[Outcome] = [CONFLICT] * len(rows)
        open_rows: dict[str, list[int]] = defaultdict(list)
        for n, row in enumerate(rows):
            id_ = row.get("id") if isinstance(row, Mapping) else None
            if isinstance(id_, int) and not isinstance(id_, bool):
                id_ = str(id_)
            if isinstance(id_, str) and id_.strip():
                open_rows[id_.strip()].append(n)
            else:
                outcomes[n] = Outcome("refused", "id is missing")
        if not open_rows:
            return outcomes
        live, later = self._targets()
        # What others write between our reading and writing is a conflict: read again, at random
        # moments, so that two of us do not meet again.
        again: Retrying = Retrying(
            retry=retry_if_result(bool),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.01, max=0.5),
        )
        with self._workspace.cache() as cache:
            try:
                again(self._patch_once, rows, open_rows, outcomes, live, later, cache)
            except RetryError:
                pass  # those left say `conflict`
        return outcomes

    def delete(self, ids: Sequence[str]) -> list[Outcome]:
        """Remove items; one that is not there is `unchanged`. Errors as `put`."""
        if not ids:
            return []
        live, later = self._targets()
        now = self._clock()
        outcomes = list(self._engine.delete(live.name, ids, now))
        self._engine.finish(live.name)
        for version in later:
            self._unless_gone(version, ids, partial(self._engine.delete, version.name, ids, now))
        return outcomes

    def _patch_once(
        self,
        rows: Sequence[Mapping[str, Any]],
        open_rows: dict[str, list[int]],
        outcomes: list[Outcome],
        live: Version,
        later: Sequence[Version],
        cache: VectorCache,
    ) -> bool:
        """Read, change and write what is still open; return whether anything still is."""
        before: list[Stored] = []
        items: list[Item] = []
        revisions: list[int] = []
        now = self._clock()
        ids = list(open_rows)
        for id_, stored in zip(ids, self._engine.lookup(ids, live.name), strict=True):
            if stored is None:
                reason = f"id: expected an item of the index to change, found {id_!r}: put it whole"
                missing = Outcome("refused", reason)
                for n in open_rows.pop(id_):
                    outcomes[n] = missing
                continue
            item = stored.item
            for n in list(open_rows[id_]):
                try:
                    changed = patched(item, rows[n])
                    if rows[n].get("updated_at") and (why := why_ahead(changed, now)):
                        raise DataError(why)
                    item = changed
                except DataError as error:
                    outcomes[n] = Outcome("refused", str(error))
                    open_rows[id_].remove(n)
            if not open_rows[id_]:
                del open_rows[id_]
                continue
            dated = any(rows[n].get("updated_at") is not None for n in open_rows[id_])
            before.append(stored)
            items.append(item)
            revisions.append(_revision(item, now) if dated else now)
        if not items:
            return False
        written = self._write(
            live,
            items,
            self._vectors.of(live, items, cache, before),
            revisions,
            [stored.content_hash for stored in before],
        )
        self._engine.finish(live.name)
        self._follow(later, items, revisions, written, cache)
        for item, outcome in zip(items, written, strict=True):
            if outcome.status != "conflict":
                for n in open_rows.pop(item.id):
                    outcomes[n] = outcome
        return bool(open_rows)

    def _write(
        self,
        version: Version,
        items: Sequence[Item],
        vectors: Vectors,
        revisions: Sequence[int],
        replaces: Sequence[str] | None = None,
    ) -> list[Outcome]:
        documents = [
            Document(item, vector, None, revision, replaces[n] if replaces else None)
            for n, (item, vector, revision) in enumerate(
                zip(items, vectors, revisions, strict=True)
            )
        ]
        return list(self._engine.write(version.name, documents))

    def _follow(
        self,
        later: Sequence[Version],
        items: Sequence[Item],
        revisions: Sequence[int],
        outcomes: Sequence[Outcome],
        cache: VectorCache,
    ) -> None:
        """Write what the live version took to the versions after it."""
        kept = [n for n, outcome in enumerate(outcomes) if outcome.status in TAKEN]
        if not kept:
            return
        taken, at = [items[n] for n in kept], [revisions[n] for n in kept]
        ids = [item.id for item in taken]
        for version in later:
            vectors = self._vectors.of(version, taken, cache)
            self._unless_gone(version, ids, partial(self._write, version, taken, vectors, at))

    def _unless_gone(
        self, version: Version, ids: Sequence[str], write: Callable[[], object]
    ) -> None:
        """Write to a version that may have been dropped since it was listed."""
        if self._checkpoints.running(version.name):
            self._touched.add(version.name, ids)
        try:
            write()
            self._engine.finish(version.name)
        except EngineError:
            if version.name in {known.name for known in self._engine.versions()}:
                raise

    def _targets(self) -> tuple[Version, list[Version]]:
        versions = self._engine.versions()  # newest first
        place = next((n for n, version in enumerate(versions) if version.live), None)
        if place is None:
            raise EngineError(
                "expected a live version to change, found none: "
                "run `search-rerank index load FILE --promote`"
            )
        # A version set aside, whose encoder is gone, can no longer be promoted anyway.
        later = [v for v in versions[:place] if v.loading or self._vectors.can_encode(v)]
        return versions[place], later


def _revision(item: Item, now_ms: int) -> int:
    return now_ms if item.updated_at is None else unix_ms(item.updated_at)
