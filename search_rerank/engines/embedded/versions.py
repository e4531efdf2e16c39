"""The folder of an embedded index: its versions, which one is live, and who may write."""

from __future__ import annotations

import fcntl
import os
import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import orjson

from search_rerank.engines.base import IndexSchema, schema_from
from search_rerank.errors import EngineError

SCHEMA = "schema.json"


@dataclass(frozen=True)
class Pointer:
    """Which version is live, which was before, and the last number given."""

    live: str | None = None
    previous: str | None = None
    last: int = 0


class VersionFolder:
    """Names versions `INDEX-vNNNN`, each in its own folder `vNNNN`."""

    def __init__(self, folder: Path, index: str) -> None:
        self.folder = folder
        self.index = index
        self._pointer_path = folder / "live.json"
        self._pointer: tuple[tuple[int, int], Pointer] | None = None
        self._lock: IO[bytes] | None = None

    def pointer(self) -> Pointer:
        """Return what is live; another process's promotion is seen at once."""
        try:
            status = os.stat(self._pointer_path)
        except FileNotFoundError:
            return Pointer()
        stamp = (status.st_mtime_ns, status.st_ino)
        if self._pointer is None or self._pointer[0] != stamp:
            self._pointer = stamp, Pointer(**orjson.loads(self._pointer_path.read_bytes()))
        return self._pointer[1]

    def point(self, pointer: Pointer) -> None:
        """Replace what is live, in one step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_file(
            self._pointer_path,
            orjson.dumps(
                {"live": pointer.live, "previous": pointer.previous, "last": pointer.last}
            ),
        )

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

    def add(self, schema: IndexSchema, created: datetime) -> str:
        """Make the folder of a new version and return its name; a number is never used twice."""
        pointer = self.pointer()
        number = pointer.last + 1
        self.point(replace(pointer, last=number))
        path = self.folder / f"v{number:04d}"
        path.mkdir()
        entry = {
            **asdict(schema),
            "created": created.astimezone(UTC).isoformat(),
        }
        replace_file(path / SCHEMA, orjson.dumps(entry))
        return f"{self.index}-v{number:04d}"

    def schema(self, version: str) -> tuple[IndexSchema, datetime]:
        """Return what a version was made for, and when."""
        entry = orjson.loads((self.path(version) / SCHEMA).read_bytes())
        created = datetime.fromisoformat(entry["created"])
        return schema_from(entry), created

    def lock(self) -> None:
        """Become the one process that writes this index, until `unlock` or the end.

        Raises
        ------
        EngineError
            When another one does; the message names it.
        """
        if self._lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        file = (self.folder / "lock").open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().decode(errors="replace") or "unknown"
            file.close()
            raise EngineError(
                f"index {self.index!r} is being written by another process (pid {holder}): "
                f"wait until it is done, or end it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        self._lock = file

    def unlock(self) -> None:
        """Let others write."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)
