"""Words in: the documents of one embedded version written to tantivy."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import tantivy

from search_rerank.data.item import Item
from search_rerank.engines import fields
from search_rerank.engines.base import IndexSchema
from search_rerank.engines.cutting import cut
from search_rerank.engines.embedded.analysis import FACTOR, ROW, open_index
from search_rerank.engines.embedded.files import sync_folder

_HEAP_BYTES = 32_000_000
"""Of each thread."""
_LOCKS = (".tantivy-writer.lock", ".tantivy-meta.lock")


class WordWriter:
    """Writes a new folder of words, beside the one it begins with, which stays as it is.

    Parameters
    ----------
    before
        Folder to begin with; None begins with nothing.
    folder
        The new folder; what lies there was never finished and goes.
    schema
        What the version was made for.
    threads
        How many index at a time.
    """

    def __init__(
        self, before: Path | None, folder: Path, schema: IndexSchema, threads: int = 1
    ) -> None:
        self._folder = folder
        self._schema = schema
        self._languages = fields.languages(schema)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        if before is not None:
            _link(before, folder)
        self._fields, index = open_index(str(folder), schema)
        self._writer = index.writer(threads * _HEAP_BYTES, threads)

    def put(self, row: int, item: Item, boost: float) -> None:
        """Add a row."""
        entry = tantivy.Document()
        add_text, add_float = entry.add_text, entry.add_float
        for name, text in fields.texts(item, self._schema).items():
            add_text(name, cut(text, self._languages[name]))
        keywords = fields.keywords(item, self._schema)
        (group,) = keywords.pop(fields.GROUP)
        entry.add_unsigned(fields.GROUP, _number(group))
        for name, values in keywords.items():
            for value in values:
                add_text(name, value)
        for name, number in fields.numbers(item, self._schema).items():
            add_float(name, number)
        entry.add_unsigned(ROW, row)
        add_float(FACTOR, 2.0**boost - 2.0)  # makes log2(2 + factor) the boost
        self._writer.add_document(entry)

    def remove(self, row: int) -> None:
        """Remove a row."""
        # By term it would be looked for as a signed number, which is another term.
        self._writer.delete_documents_by_query(tantivy.Query.term_query(self._fields, ROW, row))

    def commit(self) -> None:
        """Make the folder whole and durable; nothing can be added afterwards."""
        self._writer.commit()
        self._writer.wait_merging_threads()
        sync_folder(self._folder)

    def discard(self) -> None:
        """Forget the new folder."""
        self._writer.rollback()
        self._writer.wait_merging_threads()
        shutil.rmtree(self._folder, ignore_errors=True)


def _number(group: str) -> int:
    """Return 63 bits of a hash: the same for all variants of a product."""
    return int.from_bytes(hashlib.blake2b(group.encode(), digest_size=8).digest(), "big") >> 1


def _link(before: Path, folder: Path) -> None:
    """Give the files of a folder to another one as well; tantivy never writes into a segment."""
    for entry in os.scandir(before):
        if entry.name in _LOCKS:
            continue
        if entry.name.endswith(".json"):
            shutil.copyfile(entry.path, folder / entry.name)
        else:
            os.link(entry.path, folder / entry.name)
