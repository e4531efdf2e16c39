"""The bundles of a folder: which is live, which were, and which may go."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from search_rerank.bundle import save_bundle
from search_rerank.bundles import (
    list_bundles,
    live_bundle,
    promote_bundle,
    prune_bundles,
    rollback_bundle,
)
from search_rerank.cli import main
from search_rerank.errors import BundleError
from tests.spine.world import World

pytestmark = pytest.mark.slow


def named(folder: Path, *versions: str) -> None:
    for version in versions:
        (folder / version).mkdir()
        (folder / version / "manifest.json").write_text("{}", encoding="utf-8")


def test_promote_and_roll_back(tmp_path: Path) -> None:
    named(tmp_path, "one", "two", "three")
    assert live_bundle(tmp_path) is None
    for version in ("one", "two", "three"):
        promote_bundle(tmp_path, version)
        assert live_bundle(tmp_path) == tmp_path / version
    assert rollback_bundle(tmp_path) == "two"
    assert live_bundle(tmp_path) == tmp_path / "two"


def test_what_cannot_be_promoted_or_rolled_back_to(tmp_path: Path) -> None:
    named(tmp_path, "one")
    with pytest.raises(BundleError, match="expected a bundle two under .*, found none"):
        promote_bundle(tmp_path, "two")
    assert live_bundle(tmp_path) is None
    promote_bundle(tmp_path, "one")
    with pytest.raises(BundleError, match="expected an earlier live bundle under .*, found none"):
        rollback_bundle(tmp_path)
    assert live_bundle(tmp_path) == tmp_path / "one"


def test_a_bundle_is_named_not_pointed_at(tmp_path: Path) -> None:
    bundles = tmp_path / "bundles"
    bundles.mkdir()
    named(bundles, "one")
    named(tmp_path, "two")
    (tmp_path / "manifest.json").touch()
    for version in ("../two", str(tmp_path / "two"), "../bundles/one", ".."):
        with pytest.raises(BundleError, match=f"expected a bundle {version} under .*, found none"):
            promote_bundle(bundles, version)


def test_a_promotion_cut_short_keeps_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the live bundle is written aside and renamed: never half of it."""
    named(tmp_path, "one", "two")
    promote_bundle(tmp_path, "one")

    def cut_short(source: Path, target: Path) -> None:
        assert source.read_text(encoding="utf-8") == "two\none\n"
        assert target.read_text(encoding="utf-8") == "one\n"
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", cut_short)
        with pytest.raises(OSError, match="power cut"):
            promote_bundle(tmp_path, "two")
    assert live_bundle(tmp_path) == tmp_path / "one"


# What does not fit: refused where the pipeline opens, and by the commands without a traceback.


def at(path: Path, second: int) -> None:
    os.utime(path / "manifest.json", (second, second))


def test_a_rollback_skips_what_is_gone(tmp_path: Path) -> None:
    named(tmp_path, "one", "two", "three")
    for version in ("one", "two", "three"):
        promote_bundle(tmp_path, version)
    (tmp_path / "two" / "manifest.json").unlink()
    assert rollback_bundle(tmp_path) == "one"


def test_promotions_beside_each_other_lose_none(tmp_path: Path) -> None:
    names = [f"v{n}" for n in range(12)]
    named(tmp_path, *names)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda name: promote_bundle(tmp_path, name), names))
    assert sorted((tmp_path / "LIVE").read_text().split()) == sorted(names)


def test_a_list_tells_what_each_is(world: World, tmp_path: Path) -> None:
    bundle = world.bundle()
    first = save_bundle(bundle, tmp_path)
    second = save_bundle(replace(bundle, scorers=bundle.scorers[:-1]), tmp_path)
    named(tmp_path, "damaged")
    for second_at, version in enumerate((first, second, "damaged")):
        at(tmp_path / version, second_at)
    (tmp_path / f"{first}.gate.json").write_bytes(orjson.dumps({"passed": False}))
    promote_bundle(tmp_path, second)
    damaged, newer, older = list_bundles(tmp_path)
    assert [damaged.version, newer.version, older.version] == ["damaged", second, first]
    assert damaged.damaged is not None and "expected bundle format" in damaged.damaged
    assert [one.live for one in (damaged, newer, older)] == [False, True, False]
    assert newer.written_ms == 1000
    assert newer.items == len(bundle.catalogue)
    assert newer.serves == bundle.selection.chosen
    trial = next(t for t in bundle.selection.trials if t.fusion == bundle.selection.chosen)
    assert newer.measures == {"nDCG@10": trial.value}
    assert bundle.learnt is not None
    assert (newer.interactions, newer.until_ms) == (
        bundle.learnt.interactions,
        bundle.learnt.until_ms,
    )
    assert (newer.gate_passed, older.gate_passed) == (None, False)


def test_a_folder_without_bundles(tmp_path: Path) -> None:
    assert list_bundles(tmp_path / "none") == []
    assert prune_bundles(tmp_path, 2) == []


def test_pruning_keeps_the_live_one_that_before_it_and_the_latest(tmp_path: Path) -> None:
    names = [f"v{n}" for n in range(7)]
    named(tmp_path, *names)
    for n, name in enumerate(names):
        at(tmp_path / name, n)
    (tmp_path / "v2.gate.json").touch()
    for name in ("v1", "v0"):
        promote_bundle(tmp_path, name)
    assert sorted(prune_bundles(tmp_path, 3, spared=["v3"])) == ["v2", "v4", "v5"]
    assert sorted(path.name for path in tmp_path.glob("v*")) == ["v0", "v1", "v3", "v6"]
    assert rollback_bundle(tmp_path) == "v1"


def test_the_commands(world: World, tmp_path: Path) -> None:
    first = save_bundle(world.bundle(), tmp_path / "bundles")
    named(tmp_path / "bundles", "damaged")
    settings = tmp_path / "shop.toml"
    settings.write_text(f'home = "{tmp_path}"\n')

    def bundles(*words: str) -> str:
        return CliRunner().invoke(main, ["--config", str(settings), "bundles", *words]).output

    assert bundles("load", first) == f"bundle {first} is live\n"
    assert bundles("load", "damaged").startswith("Error: ")
    assert bundles("rollback").startswith("Error: expected an earlier live bundle")
    lines = {line.split()[0]: line for line in bundles("list").splitlines()}
    assert "  live  " in lines[first] and "0 workers" in lines[first]
    assert "expected bundle format" in lines["damaged"]
    assert bundles("prune", "--keep", "2") == "nothing to remove\n"
    named(tmp_path / "bundles", "old")
    at(tmp_path / "bundles" / "old", 0)
    assert bundles("prune", "--keep", "2") == "removed old\n"
