"""Which items live changes touched in a version while it was loaded: `home/loads/VERSION.touched`.

Only these may differ from the file when the version is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson


class Touched:
    """The notes of one home folder, which loads and live changes share."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "loads"

    def add(self, version: str, ids: Sequence[str]) -> None:
        """Note ids before they are written, so that no difference is seen without its note."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._path(version).open("ab") as file:
            file.write(orjson.dumps(list(ids), option=orjson.OPT_APPEND_NEWLINE))

    def ids(self, version: str) -> set[str]:
        """Return all ids noted."""
        try:
            lines = self._path(version).read_bytes().splitlines()
        except FileNotFoundError:
            return set()
        found: set[str] = set()
        for line in lines:
            try:
                found.update(orjson.loads(line))
            except orjson.JSONDecodeError:
                continue  # a process was killed while it noted what it then did not write
        return found

    def remove(self, version: str) -> None:
        """Forget a version."""
        self._path(version).unlink(missing_ok=True)

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}.touched"
