"""The same data, settings and threads give the same bundle, byte for byte, in any process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from search_rerank.bundle import Bundle
from tests.spine.world import SMALL, World, toml


def trained(world: World, folder: Path, hash_seed: str) -> dict[str, str]:
    """Train in a process of its own; return the bundle's files and their hashes."""
    folder.mkdir()
    settings = folder / "settings.toml"
    settings.write_text("".join(toml({**SMALL, "home": str(folder / "home")})), encoding="utf-8")
    command = ["train", "--data", str(world.data), "--no-promote"]
    subprocess.run(
        [sys.executable, "-m", "search_rerank", "--config", str(settings), *command],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        timeout=500,
        capture_output=True,
    )
    (bundle,) = (folder / "home" / "bundles").iterdir()
    manifest = orjson.loads((bundle / "manifest.json").read_bytes())
    files: dict[str, str] = {**manifest["files"], "version": manifest["version"]}
    return files


@pytest.mark.slow
def test_processes_that_hash_otherwise_make_the_same_bundle(world: World, tmp_path: Path) -> None:
    one = trained(world, tmp_path / "one", "1")
    other = trained(world, tmp_path / "other", "4242")
    assert one == other
    here: Bundle = world.bundle()
    assert here.version == one["version"]  # that of the demo, which was made in this process
