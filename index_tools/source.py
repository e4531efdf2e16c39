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
from search_rerank.data.rows import rows

_MAX_NAME = 500


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

    One cheap pass: rows are decoded and not checked, so that a name only refused rows have may be
    among the attributes.

    Parameters
    ----------
    path, name
        The catalogue, and what messages call it; None is its own name.
    progress
        Called with the number of rows read so far, now and then.
    """

    def __init__(self, path: Path, name: str | None, progress: Callable[[int], None]) -> None:
        self._path = path
        self._name = name
        names: set[str] = set()
        self.count = 0
        """Rows, whether they can be loaded or not."""
        for _, row in rows(path, name):
            self.count += 1
            if self.count % 1000 == 0:
                progress(self.count)
            attributes = row.get("attributes") if isinstance(row, dict) else None
            if isinstance(attributes, dict):
                names.update(attributes)
        stripped = {name.strip() for name in names if isinstance(name, str)}
        self.attributes = tuple(sorted(n for n in stripped if 0 < len(n) <= _MAX_NAME))
        """Names of all attributes, sorted."""

    def texts(self) -> Iterator[str]:
        """Yield what an encoder reads of each item; refuses nothing yet."""
        for item in read_items(self._path, Refused(), self._name):
            yield item.text()
