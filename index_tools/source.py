"""A catalogue file read twice in bounded memory: first to learn about it, then to load it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from search_rerank.data.lines import STANDARD_INPUT
from search_rerank.data.read import read_items
from search_rerank.data.refused import Refused


@contextmanager
def readable_twice(path: Path) -> Iterator[Path]:
    """Give a path that can be read again: standard input is kept in a temporary file meanwhile."""
    if path != STANDARD_INPUT:
        yield path
        return
    with TemporaryDirectory(prefix="search-rerank-") as folder:
        kept = Path(folder) / "standard-input.jsonl"
        with kept.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield kept


class Survey:
    """What must be known of a catalogue before its first item is written.

    Parameters
    ----------
    path
        The catalogue.
    progress
        Called with the number of items read so far, now and then.
    """

    def __init__(self, path: Path, progress: Callable[[int], None]) -> None:
        self._path = path
        self._progress = progress
        self._names: set[str] = set()
        self._done = False
        self.count = 0
        """Items that can be loaded."""

    def texts(self) -> Iterator[str]:
        """Yield what an encoder reads of each item, counting on the way; refuses nothing yet."""
        self._names.clear()
        self.count = 0
        for item in read_items(self._path, Refused()):
            self.count += 1
            self._names.update(item.attributes)
            if self.count % 1000 == 0:
                self._progress(self.count)
            yield item.text()
        self._done = True

    def attributes(self) -> tuple[str, ...]:
        """Return the names of all attributes, sorted; reads the file if `texts` was not used up."""
        if not self._done:
            for _ in self.texts():
                pass
        return tuple(sorted(self._names))
