"""Whether an interrupted load can go on: the same file, settings and version."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import orjson

from index_tools.checkpoints import Checkpoint, Checkpoints
from search_rerank.config import Config
from search_rerank.engines.base import Engine

_HEAD_BYTES = 1 << 16


def unfinished(
    engine: Engine,
    checkpoints: Checkpoints,
    file: Mapping[str, str | int],
    settings: str,
    fresh: bool,
) -> Checkpoint | None:
    """Return where a load can go on, None where it begins anew.

    Parameters
    ----------
    engine, checkpoints
        Where the version and the checkpoint are.
    file, settings
        See `file_identity` and `settings_hash`; an empty `file` never goes on.
    fresh
        Drop what loads of a file of this name have left.
    """
    if not file:
        return None
    made = {version.name: version.created.isoformat() for version in engine.versions()}
    for state in checkpoints.all():
        if state.file["path"] != file["path"] or checkpoints.running(state.version):
            continue
        if made.get(state.version) != state.created:
            if state.version not in made:
                checkpoints.remove(state.version)  # its version was dropped
        elif fresh:
            engine.drop(state.version)
            checkpoints.remove(state.version)
        elif state.file == file and state.settings == settings:
            return state
    return None


def settings_hash(
    config: Config, encoder_from: Path | None, refit: bool, boosts: Mapping[str, float] | None
) -> str:
    """Return a hash of what decides the content of a version beside the file."""
    asked = [
        config.index.model_dump(mode="json"),
        config.encoder.model_dump(mode="json"),
        config.engine.kind,
        config.engine.index,
        str(encoder_from),
        refit,
        sorted((boosts or {}).items()),
    ]
    return hashlib.blake2b(orjson.dumps(asked), digest_size=16).hexdigest()


def file_identity(path: Path) -> dict[str, str | int]:
    """Return what tells a file from another one, or from itself after a change."""
    status = path.stat()
    with path.open("rb") as file:
        head = hashlib.blake2b(file.read(_HEAD_BYTES), digest_size=16).hexdigest()
    return {
        "path": str(path.resolve()),
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "head": head,
    }
