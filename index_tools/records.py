"""Which versions were loaded whole and verified: `home/loads/VERSION.json`."""

from __future__ import annotations

from pathlib import Path

import orjson

from search_rerank.engines.base import Version


class Records:
    """Remembers verified versions, so that what an interrupted load left is not promoted."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "loads"

    def add(self, version: Version) -> None:
        """Remember that a version was verified."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(version.name)
        part = path.with_suffix(".part")
        part.write_bytes(orjson.dumps(self._entry(version)))
        part.replace(path)

    def holds(self, version: Version) -> bool:
        """Return whether this very version (a name may come again in a new index) was verified."""
        try:
            return bool(orjson.loads(self._path(version.name).read_bytes()) == self._entry(version))
        except (OSError, orjson.JSONDecodeError):
            return False

    def remove(self, name: str) -> None:
        """Forget a version."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    @staticmethod
    def _entry(version: Version) -> dict[str, object]:
        # Not its count: live changes reach a version that waits to be promoted.
        return {"created": version.created.isoformat()}
