"""One embedded version as its one writer changes it: items, words and vectors together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_rerank.data.item import Item
from search_rerank.engines.base import (
    STALE,
    UNCHANGED,
    WRITTEN,
    Document,
    IndexSchema,
    Outcome,
)
from search_rerank.engines.embedded.files import replace_file, sync_folder
from search_rerank.engines.embedded.journal import LOADING, Journal
from search_rerank.engines.embedded.layout import clean_up
from search_rerank.engines.embedded.ledger import Ledger, NewRow
from search_rerank.engines.embedded.state import GENERATION, State
from search_rerank.engines.embedded.vector_writer import VectorWriter, copy_vectors, write_graphs
from search_rerank.engines.embedded.writer import WordWriter
from search_rerank.engines.revisions import judged, sorted_out

_SEAL_DEAD = 0.1
_LIVE_DEAD = 1.0
"""Rows that are dead, as a share of those that are not, above which a version is compacted."""
_LOAD_THREADS = 2


class VersionWriter:
    """Changes one version; readers see it after `finish`. Whoever has one holds its lock.

    Parameters
    ----------
    folder
        Where the version lies.
    schema
        What it was made for.
    quantise_above
        With more vectors outside the graph than these, a graph of all is made.
    journal
        Changes that reach it from elsewhere while it is being loaded.
    """

    def __init__(
        self, folder: Path, schema: IndexSchema, quantise_above: int, journal: Journal
    ) -> None:
        self._folder = folder
        self._schema = schema
        self._quantise_above = quantise_above
        self._journal = journal
        self._items = Ledger(folder)
        self._state = self._items.state
        self._vectors = VectorWriter(folder, self._state, schema.dim)
        self._words: WordWriter | None = None
        self._changed = False
        if self.loading:
            self._take_in()

    @property
    def loading(self) -> bool:
        """Whether the version was not sealed yet."""
        return (self._folder / LOADING).exists()

    def write(self, documents: Sequence[Document]) -> list[Outcome]:
        """Write documents as `Engine.write` does."""
        outcomes, last = sorted_out(documents, self._schema)
        known = self._items.known(last)
        removed = self._items.removed(last) if self.loading else {}
        put: list[tuple[Document, str, float]] = []
        dead: list[int] = []
        advanced: list[tuple[int, int]] = []
        for id_, place in last.items():
            document, was = documents[place], known.get(id_)
            hash_ = document.item.content_hash()
            outcome = judged(document, hash_, was, removed.get(id_))
            outcomes[place] = outcome
            if outcome is WRITTEN:
                boost = document.boost
                if boost is None:
                    boost = was.boost if was is not None else 1.0
                put.append((document, hash_, float(boost)))
                if was is not None:
                    dead.append(was.row)
            elif outcome is UNCHANGED and was is not None and document.revision > was.revision:
                advanced.append((document.revision, was.row))
        if advanced:
            self._items.advance(advanced)
            self._changed = True
        self._remove(dead)
        self._put(put)
        if removed:
            self._items.forget([document.item.id for document, _, _ in put])
        return [outcome for outcome in outcomes if outcome is not None]

    def delete(self, ids: Sequence[str], revision: int) -> list[Outcome]:
        """Remove items as `Engine.delete` does."""
        known = self._items.known(set(ids))
        outcomes, dead = [], []
        for id_ in ids:
            was = known.get(id_)
            if was is None:
                outcomes.append(UNCHANGED)
            elif revision < was.revision:
                outcomes.append(STALE)
            else:
                outcomes.append(WRITTEN)
                dead.append(known.pop(id_).row)
        self._remove(dead)
        if self.loading:
            self._items.remember([id_ for id_ in set(ids) if id_ not in known], revision)
            self._changed = True
        return outcomes

    def finish(self) -> None:
        """Make all durable and visible; compact where most is dead."""
        if self.loading:
            self._take_in()
            self._commit()
            self._journal.forget(self._state.journaled)
        else:
            self._commit()
            self._improve(_LIVE_DEAD)

    def seal(self) -> None:
        """End the loading: take in the journal, compact, make the graph, remember no removal."""
        self.finish()
        if not self.loading:
            return
        self._improve(_SEAL_DEAD)
        with self._journal.closed():
            self._take_in()
            self._items.forget_all()
            self._changed = True
            self._commit()

    def discard(self) -> None:
        """Forget what was not finished, and release the files."""
        if self._words is not None:
            self._words.discard()
        self.close()

    def close(self) -> None:
        """Release the files."""
        self._items.close()
        self._vectors.close()

    def _take_in(self) -> None:
        """Apply what others left in the journal, in its order, under the same rules."""
        while changes := self._journal.changes(self._state.journaled):
            for change in changes:
                if change.document is None:
                    self.delete([change.id], change.revision)
                else:
                    self.write([change.document])
            self._state = replace(self._state, journaled=changes[-1].position)
            self._changed = True

    def _put(self, put: Sequence[tuple[Document, str, float]]) -> None:
        if not put:
            return
        words = self._open_words()
        vectors: list[NDArray[np.float32] | None] = [document.vector for document, _, _ in put]
        slots = self._vectors.append(vectors)
        first = self._state.next_row
        rows: list[NewRow] = [
            (
                row,
                document.item.id,
                hash_,
                document.item.to_json(),
                boost,
                document.revision,
                slot,
            )
            for row, ((document, hash_, boost), slot) in enumerate(
                zip(put, slots, strict=True), first
            )
        ]
        self._items.put(rows)
        for row, (document, _, boost) in enumerate(put, first):
            words.put(row, document.item, boost)
        self._state = replace(
            self._state,
            count=self._state.count + len(put),
            next_row=first + len(put),
            next_slot=self._vectors.next_slot,
        )

    def _remove(self, rows: Sequence[int]) -> None:
        if not rows:
            return
        words = self._open_words()
        self._items.remove(rows)
        for row in rows:
            words.remove(row)
        state = self._state
        self._state = replace(state, count=state.count - len(rows), dead=state.dead + len(rows))

    def _open_words(self) -> WordWriter:
        if self._words is None:
            state = self._items.state
            self._state = replace(self._state, words=state.words + 1)
            self._words = WordWriter(
                self._folder / state.words_folder,
                self._folder / self._state.words_folder,
                self._schema,
                _LOAD_THREADS if self.loading else 1,
            )
        return self._words

    def _commit(self) -> None:
        """Write vectors and words, then items: the one step that makes it all count."""
        if self._words is None and not self._changed:
            return
        self._vectors.sync()
        if self._words is not None:
            self._words.commit()
            self._words = None
        sync_folder(self._folder)
        before = self._items.state
        self._state = replace(self._state, number=before.number + 1)
        self._items.commit(self._state)
        self._changed = False
        replace_file(self._folder / GENERATION, str(self._state.number).encode())
        clean_up(self._folder, self._state, before)

    def _improve(self, dead_share: float) -> None:
        """Compact where too much is dead; make a graph where too much is outside of it."""
        state = self._state
        dead = state.dead > dead_share * state.count
        few = max(self._quantise_above, state.covered // 2)
        outside = state.next_slot - state.covered > few
        if not (dead or outside):
            return
        if dead:
            state = self._compacted(state)
        slots = self._items.slots()
        if len(slots) > self._quantise_above:
            state = replace(state, covered=state.next_slot)
            write_graphs(self._folder, state, self._schema.dim, slots)
        self._state, self._changed = state, True
        self._commit()
        self._vectors.close()
        self._vectors = VectorWriter(self._folder, state, self._schema.dim)

    def _compacted(self, old: State) -> State:
        """Write words and vectors anew, without what is dead."""
        slots = self._items.slots()
        new = replace(
            old, epoch=old.epoch + 1, words=old.words + 1, next_slot=len(slots), covered=0, dead=0
        )
        copy_vectors(self._folder, old, new, self._schema.dim, slots)
        self._items.move_slots()
        folder = self._folder / new.words_folder
        words = WordWriter(None, folder, self._schema, _LOAD_THREADS)
        for row, json, boost in self._items.documents():
            words.put(row, Item.model_validate_json(json), boost)
        words.commit()
        return new
