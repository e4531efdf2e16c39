"""Which files one embedded version has."""

from __future__ import annotations

import shutil
from pathlib import Path

from search_rerank.engines.base import IndexSchema
from search_rerank.engines.embedded.analysis import open_index
from search_rerank.engines.embedded.files import replace_file
from search_rerank.engines.embedded.journal import Journal
from search_rerank.engines.embedded.ledger import make_items
from search_rerank.engines.embedded.state import GENERATION, State


def make_version(folder: Path, schema: IndexSchema) -> None:
    """Make the files of a version without items that is being loaded."""
    state = State()
    make_items(folder)
    words = folder / state.words_folder
    words.mkdir()
    open_index(str(words), schema)
    (folder / state.vectors_file).touch()
    Journal.make(folder)
    replace_file(folder / GENERATION, b"0")


def clean_up(folder: Path, *states: State) -> None:
    """Delete the files of other states; who still reads one has its files open."""
    kept = {name for s in states for name in (s.words_folder, s.vectors_file, *s.graph_files)}
    for pattern in ("words-*", "vectors-*", "graph-*"):
        for path in folder.glob(pattern):
            if path.name in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
