"""The bundles of a folder: which there are, which is live, and which may go.

`LIVE` names the live one, then those that were live before it, the latest first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from search_rerank.errors import BundleError
from search_rerank.manifest import read_manifest

_LIVE = "LIVE"
_REMEMBERED = 20


@dataclass(frozen=True)
class Listed:
    """One bundle of a folder, as its manifest tells it.

    Parameters
    ----------
    version
        Its name.
    live
        Whether services rank with it.
    written_ms
        Unix milliseconds at which it was written here.
    items
        Size of its catalogue.
    serves
        The fusion that ranks.
    measures
        What that fusion reached on held-out queries when it was chosen; empty where nothing was
        to be chosen.
    interactions, until_ms, parent
        The part of the log that it was learnt from, and the bundle that it is an update of, as
        in `LearntFrom`.
    gate_passed
        Whether it passed the gate, None where nobody asked it to.
    damaged
        Why it cannot be read; None where it can.
    """

    version: str
    live: bool
    written_ms: int
    items: int | None = None
    serves: str | None = None
    measures: Mapping[str, float] = field(default_factory=dict)
    interactions: int | None = None
    until_ms: int | None = None
    parent: str | None = None
    gate_passed: bool | None = None
    damaged: str | None = None


def list_bundles(folder: Path) -> Sequence[Listed]:
    """Return every bundle of a folder, the latest written first."""
    live = live_bundle(folder)
    found = [_listed(path.parent, live) for path in folder.glob("*/manifest.json")]
    return sorted(found, key=lambda one: (-one.written_ms, one.version))


def promote_bundle(folder: Path, version: str) -> None:
    """Make a bundle the live one, atomically; the one before it is kept for a rollback."""
    named_bundle(folder, version)
    with _changing(folder):
        _promote(folder, version)


def rollback_bundle(folder: Path) -> str:
    """Make the bundle that was live before the present one live again; return its name."""
    with _changing(folder):
        before = earlier_bundle(folder)
        _promote(folder, before)
    return before


def earlier_bundle(folder: Path) -> str:
    """Return the name of the bundle that a rollback makes live; `BundleError` without one."""
    before = (name for name in _live_history(folder)[1:] if _is_bundle(folder / name))
    found = next(before, None)
    if found is None:
        raise BundleError(f"expected an earlier live bundle under {folder}, found none")
    return found


def prune_bundles(folder: Path, keep: int, spared: Collection[str] = ()) -> Sequence[str]:
    """Remove the bundles that nobody needs; return their names.

    Kept are the live one, that before it for a rollback, and the latest written of the others.

    Parameters
    ----------
    keep
        How many are kept in all; 2 or more.
    spared
        Bundles that are kept beyond that, such as those that a worker ranks with.
    """
    with _changing(folder):
        found = [one.version for one in list_bundles(folder)]
        first = [name for name in _live_history(folder) if name in found][:2]
        kept = [*first, *(name for name in found if name not in first)][:keep]
        gone = [name for name in found if name not in kept and name not in spared]
        for name in gone:
            shutil.rmtree(folder / name)
            _gate(folder, name).unlink(missing_ok=True)
    return gone


def live_bundle(folder: Path) -> Path | None:
    """Return the folder of the live bundle, None if there is none."""
    history = _live_history(folder)
    return folder / history[0] if history else None


def named_bundle(folder: Path, version: str) -> Path:
    """Return the folder of a bundle, by its name and by no path that leads elsewhere."""
    path = folder / version
    if version == ".." or path.parent != folder or not _is_bundle(path):
        raise BundleError(f"expected a bundle {version} under {folder}, found none")
    return path


def _promote(folder: Path, version: str) -> None:
    history = [name for name in _live_history(folder) if name != version]
    text = "".join(f"{name}\n" for name in [version, *history[: _REMEMBERED - 1]])
    aside = folder / f".{_LIVE}.{os.getpid()}"
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, folder / _LIVE)


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Hold off others that change what is live: a command may run beside the service."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_bundle(path: Path) -> bool:
    try:
        return (path / "manifest.json").is_file()
    except OSError:  # a name that no file system takes
        return False


def _live_history(folder: Path) -> list[str]:
    try:
        return (folder / _LIVE).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []


def _listed(path: Path, live: Path | None) -> Listed:
    written_ms = (path / "manifest.json").stat().st_mtime_ns // 1_000_000
    named = Listed(path.name, path == live, written_ms)
    try:
        manifest = read_manifest(path)
    except BundleError as error:
        return replace(named, damaged=str(error))
    serves, learnt = manifest.get("serves") or {}, manifest.get("learnt") or {}
    chosen = serves.get("chosen")
    trials = [one for one in serves.get("trials", ()) if one["fusion"] == chosen]
    return replace(
        named,
        items=manifest.get("items"),
        serves=chosen,
        measures={"nDCG@10": trials[0]["value"]} if trials else {},
        interactions=learnt.get("interactions"),
        until_ms=learnt.get("until_ms"),
        parent=learnt.get("parent"),
        gate_passed=_passed(_gate(path.parent, path.name)),
    )


def _passed(gate: Path) -> bool | None:
    try:
        row: Any = orjson.loads(gate.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return bool(row.get("passed")) if isinstance(row, dict) else None


def _gate(folder: Path, version: str) -> Path:
    return folder / f"{version}.gate.json"
