"""The folder of an embedded index: its versions, and which one is live."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from search_rerank.engines.base import IndexSchema, schema_from
from search_rerank.engines.embedded.files import replace_file, sync_folder, told
from search_rerank.engines.embedded.journal import LOADING
from search_rerank.engines.embedded.locks import FileLock
from search_rerank.errors import EngineError

SCHEMA = "schema.json"
_FORMAT = 2
"""Of the files of a version; another release may have another one."""
_LOCK = "lock"


@dataclass(frozen=True)
class Pointer:
    """Which version is live, which was before, and the last number given."""

    live: str | None = None
    previous: str | None = None
    last: int = 0


class VersionFolder:
    """Names versions `INDEX-vNNNN`, each in its own folder `vNNNN`.

    Parameters
    ----------
    folder, index
        Where, and of which index.
    timeout_s
        How long one waits for a lock.
    """

    def __init__(self, folder: Path, index: str, timeout_s: float) -> None:
        self.folder = folder
        self.index = index
        self._timeout_s = timeout_s
        self._pointer_path = folder / "live.json"
        self._pointer: tuple[tuple[int, int], Pointer] | None = None

    def pointer(self) -> Pointer:
        """Return what is live; another process's promotion is seen at once."""
        try:
            status = os.stat(self._pointer_path)
        except FileNotFoundError:
            return Pointer()
        stamp = (status.st_mtime_ns, status.st_ino)
        if self._pointer is None or self._pointer[0] != stamp:
            with told(f"index {self.index!r}", self._pointer_path):
                self._pointer = stamp, Pointer(**orjson.loads(self._pointer_path.read_bytes()))
        return self._pointer[1]

    def point(self, pointer: Pointer) -> None:
        """Replace what is live, in one step."""
        replace_file(self._pointer_path, orjson.dumps(asdict(pointer)))

    def path(self, version: str) -> Path:
        """Return the folder of a version that exists."""
        match = re.fullmatch(rf"{re.escape(self.index)}-(v\d{{4,}})", version)
        path = self.folder / match[1] if match else None
        if path is None or not (path / SCHEMA).exists():
            raise EngineError(
                f"no version {version!r} of index {self.index!r}: "
                f"it has {', '.join(self.names()) or 'none'}"
            )
        return path

    def names(self) -> list[str]:
        """Return all versions, newest first."""
        found = [path.parent.name for path in self.folder.glob(f"v*/{SCHEMA}")]
        return [f"{self.index}-{n}" for n in sorted(found, key=lambda v: int(v[1:]), reverse=True)]

    def add(
        self, schema: IndexSchema, created: datetime, make: Callable[[Path, IndexSchema], None]
    ) -> str:
        """Make a new version and return its name; a number is never used twice.

        The lock of the index must be held. `make` makes the files of its folder, which gets its
        name when all are there.
        """
        for left in [*self.folder.glob("making-v*"), *self.folder.glob("dropped-v*")]:
            shutil.rmtree(left, ignore_errors=True)
        pointer = self.pointer()
        number = pointer.last + 1
        self.point(replace(pointer, last=number))
        path = self.folder / f"v{number:04d}"
        making = path.with_name(f"making-{path.name}")
        making.mkdir()
        make(making, schema)
        (making / _LOCK).touch()
        created_at = created.astimezone(UTC).isoformat()
        entry = {**asdict(schema), "created": created_at, "format": _FORMAT}
        replace_file(making / SCHEMA, orjson.dumps(entry))
        os.rename(making, path)
        sync_folder(self.folder)
        return f"{self.index}-{path.name}"

    def remove(self, version: str) -> None:
        """Delete a version; its lock and that of the index must be held."""
        path = self.path(version)
        pointer = self.pointer()
        if pointer.live == version:
            raise EngineError(f"{version} is live: promote another version first")
        if pointer.previous == version:
            self.point(replace(pointer, previous=None))
        gone = path.with_name(f"dropped-{path.name}")
        os.replace(path, gone)
        shutil.rmtree(gone, ignore_errors=True)

    def described(self, version: str) -> tuple[IndexSchema, datetime]:
        """Return what a version was made for, and when."""
        entry = self._entry(version)
        return schema_from(entry), datetime.fromisoformat(entry["created"])

    def schema(self, version: str) -> IndexSchema:
        """Return what a version was made for that this release can read.

        Raises
        ------
        EngineError
            When there is none, or another release made it.
        """
        entry = self._entry(version)
        if entry.get("format") != _FORMAT:
            raise EngineError(
                f"{version} was made by another release: load the catalogue again with "
                f"`search-rerank index load FILE --promote`"
            )
        return schema_from(entry)

    def loading(self, version: str) -> bool:
        """Return whether a version was not sealed yet."""
        return (self.path(version) / LOADING).exists()

    def lock(self, version: str | None = None) -> FileLock:
        """Return the lock of a version, or (None) of the index: who creates, promotes, drops."""
        if version is not None:
            return FileLock(self.path(version) / _LOCK, version, self._timeout_s)
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / _LOCK, f"index {self.index!r}", self._timeout_s)

    def _entry(self, version: str) -> dict[str, Any]:
        path = self.path(version) / SCHEMA
        with told(version, path):
            found: dict[str, Any] = orjson.loads(path.read_bytes())
            return found
