"""Words in: the documents of one embedded version written to tantivy."""

from __future__ import annotations

from pathlib import Path

import tantivy

from search_rerank.data.item import Item
from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.embedded.analysis import FACTOR, ROW, open_index

_HEAP_BYTES = 64_000_000


class WordWriter:
    """Writes the words of one version; seen by readers that open it after `commit`.

    Parameters
    ----------
    folder
        Where the tantivy files lie; made if missing.
    schema
        What the version was made for.
    """

    def __init__(self, folder: Path, schema: IndexSchema) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._schema = schema
        _, self._index = open_index(str(folder), schema)
        self._writer: tantivy.IndexWriter | None = None

    def put(self, row: int, item: Item, boost: float) -> None:
        """Replace what is there of an item."""
        writer = self._open()
        writer.delete_documents_by_term("is_id", item.id)
        entry = tantivy.Document()
        for name, text in fields.texts(item, self._schema).items():
            entry.add_text(name, text)
        for name, values in fields.keywords(item, self._schema).items():
            for value in values:
                entry.add_text(name, value)
        for name, number in fields.numbers(item, self._schema).items():
            entry.add_float(name, number)
        entry.add_unsigned(ROW, row)
        entry.add_float(FACTOR, 2.0**boost - 2.0)  # makes log2(2 + factor) the boost
        writer.add_document(entry)

    def remove(self, id: str) -> None:
        """Remove an item if it is there."""
        self._open().delete_documents_by_term("is_id", id)

    def commit(self) -> None:
        """Make everything written visible to indexes opened from now on."""
        if self._writer is not None:
            self._writer.commit()
            self._writer.wait_merging_threads()
            self._writer = None

    def discard(self) -> None:
        """Forget what was not committed."""
        if self._writer is not None:
            self._writer.rollback()
            self._writer = None

    def _open(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(_HEAP_BYTES, 1)
        return self._writer
