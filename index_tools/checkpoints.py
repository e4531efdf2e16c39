"""How far a load has come, to go on where it was cut off: `home/loads/VERSION.checkpoint`."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import orjson

from index_tools.touched import Touched


@dataclass
class Checkpoint:
    """A load that is not finished, as of its last checkpoint.

    Parameters
    ----------
    version, created
        The version it writes, and when that was made: a name may come again in a new index.
    file
        Which file, see `file_identity`.
    settings
        Hash of what else decides the content of the version.
    encoder
        Fingerprint of its encoder.
    done
        Items of the file that are written for good.
    written, unchanged, stale, encoded
        What came of them.
    refused
        Id to reason, of those that the engine refused.
    """

    version: str
    created: str
    file: dict[str, str | int]
    settings: str
    encoder: str
    done: int = 0
    written: int = 0
    unchanged: int = 0
    stale: int = 0
    encoded: int = 0
    refused: dict[str, str] = field(default_factory=dict)


class Checkpoints:
    """The checkpoints of one home folder, and which loads are running."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "loads"
        self._touched = Touched(home)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint in one step."""
        path = self._path(checkpoint.version)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_bytes(orjson.dumps(asdict(checkpoint)))
        part.replace(path)

    def all(self) -> list[Checkpoint]:
        """Return all that can be read, newest version first."""
        found = []
        for path in sorted(self._folder.glob("*.checkpoint"), reverse=True):
            try:
                found.append(Checkpoint(**orjson.loads(path.read_bytes())))
            except (OSError, orjson.JSONDecodeError, TypeError):
                continue  # damaged: that load begins anew, and `prune` removes what it left
        return found

    def remove(self, version: str) -> None:
        """Forget a load."""
        for path in (self._path(version), self._lock_path(version)):
            path.unlink(missing_ok=True)
        self._touched.remove(version)

    @contextmanager
    def held(self, version: str) -> Iterator[None]:
        """Say, for the time of the block and no longer than this process lives, that it is loaded.

        The lock file stays where the load does not end well: it tells that it began here.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock_path(version).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def running(self, version: str) -> bool | None:
        """Return whether a version is being loaded now, None where that began elsewhere."""
        try:
            with self._lock_path(version).open("rb") as file:
                # Shared: two that only ask must not take each other for a load.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            return True
        return False

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}.checkpoint"

    def _lock_path(self, version: str) -> Path:
        return self._folder / f"{version}.lock"
