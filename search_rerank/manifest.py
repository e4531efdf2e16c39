"""What a bundle says of itself, and whether its files are still those that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from search_rerank.errors import BundleError

FORMAT = 3
_NEEDED = ("version", "features", "scorers", "fusions", "files")
"""What loading reads of a manifest."""


def read_manifest(folder: Path) -> Any:
    """Return what a bundle says of itself; `BundleError` where it is no bundle of this format."""
    path = folder / "manifest.json"
    try:
        manifest = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        raise BundleError(f"expected a bundle in {folder}, found no manifest.json") from None
    except orjson.JSONDecodeError as error:
        raise BundleError(f"{path}: not valid JSON ({error}); train again") from None
    found = manifest.get("format") if isinstance(manifest, dict) else manifest
    if found != FORMAT:
        raise BundleError(
            f"{path}: expected bundle format {FORMAT}, found {found!r:.60}; train again"
        )
    missing = [name for name in _NEEDED if name not in manifest]
    if missing:
        raise BundleError(f"{path}: {', '.join(missing)} missing; train again")
    if name_of(manifest["files"]) != manifest["version"]:
        raise BundleError(f"{path}: altered since the bundle was written; train again")
    return manifest


def check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Refuse a folder of which a file is missing or not what its hash says, by `BundleError`."""
    for name, expected in files.items():
        path = folder / name
        if not path.is_file() or hash_of(path) != expected:
            raise BundleError(
                f"{path}: missing or altered since the bundle was written; train again or "
                "roll back to another bundle"
            )


def name_of(files: Mapping[str, str]) -> str:
    """Return the name of a bundle, from the hash of each of its files."""
    data = orjson.dumps(files, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(data).hexdigest()[:12]


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
