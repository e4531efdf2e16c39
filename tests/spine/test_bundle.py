"""A bundle ranks after loading as before saving, and what does not fit is refused in words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest

from search_rerank.bundle import Bundle, load_bundle, save_bundle
from search_rerank.bundles import live_bundle, promote_bundle
from search_rerank.config import Config
from search_rerank.encoders import fit_encoder
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, IndexSchema
from search_rerank.errors import BundleError
from search_rerank.features.builder import GROUPS
from search_rerank.pipeline import Pipeline
from search_rerank.training import make_bundle, train
from tests.spine.world import SMALL, World, run_apart

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    """A copy of the bundle, to be damaged."""
    live = live_bundle(world.config.home / "bundles")
    assert live is not None
    return Path(shutil.copytree(live, tmp_path / live.name))


def ranked(world: World, bundle: Bundle) -> list[list[tuple[str, float]]]:
    with world.engine() as engine:
        pipeline = Pipeline(world.config, engine, world.state(), bundle)
        asked = [("shoes", "u00000"), ("shoes", "u00001"), ("blue", None), ("", "u00002")]
        answers = [pipeline.search(world.query(text, user)) for text, user in asked]
    assert all(answer.degraded == [] for answer in answers)
    return [[(hit.id, hit.score) for hit in answer.hits] for answer in answers]


def test_loaded_ranks_as_saved_and_equal_training_has_an_equal_name(
    world: World, tmp_path: Path
) -> None:
    with world.ready() as shop:
        bundle = make_bundle(shop, train(shop))
    version = save_bundle(bundle, tmp_path)
    assert version == world.bundle().version
    loaded = load_bundle(tmp_path / version)
    assert loaded.features == tuple(bundle.features)
    for section in ("retrieval", "encoder", "scorers", "training"):
        assert getattr(loaded.config, section) == getattr(bundle.config, section)
    assert ranked(world, loaded) == ranked(world, bundle)


@pytest.mark.slow
def test_another_training_has_another_name(world: World, tmp_path: Path) -> None:
    with world.ready(trees=3, max_rankings=50) as shop:
        version = save_bundle(make_bundle(shop, train(shop)), tmp_path)
    assert version != world.bundle().version


def test_saving_again_changes_nothing(world: World, tmp_path: Path) -> None:
    bundle = world.bundle()
    assert save_bundle(bundle, tmp_path) == save_bundle(bundle, tmp_path) == bundle.version
    assert [path.name for path in tmp_path.iterdir()] == [bundle.version]


def test_a_write_that_fails_leaves_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        save_bundle(world.bundle(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [flip, Path.unlink], ids=["altered", "missing"])
def test_a_file_altered_or_missing_is_named(folder: Path, damage: Callable[[Path], None]) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert len(files) > 8
    for path in files:
        if path.name == "manifest.json":
            continue
        whole = path.read_bytes()
        damage(path)
        with pytest.raises(BundleError, match=f"{path.name}: missing or altered .* train again"):
            load_bundle(folder)
        path.write_bytes(whole)
    load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 1}, "expected bundle format 3, found 1; train again"),
        ({"format": None}, "expected bundle format 3, found None; train again"),
    ],
)
def test_another_format_is_refused(folder: Path, change: dict[str, object], said: str) -> None:
    path = folder / "manifest.json"
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | change))
    with pytest.raises(BundleError, match=said):
        load_bundle(folder)


def test_training_again_mends_a_damaged_bundle(world: World, tmp_path: Path) -> None:
    """Equal training has an equal name: what stands under it must not be taken as it is."""
    bundle = world.bundle()
    version = save_bundle(bundle, tmp_path)
    flip(tmp_path / version / "catalogue.npz")
    with pytest.raises(BundleError, match="altered since"):
        load_bundle(tmp_path / version)
    assert save_bundle(bundle, tmp_path) == version
    assert load_bundle(tmp_path / version).version == version
    assert [path.name for path in tmp_path.iterdir()] == [version]


def test_what_a_killed_process_left_is_removed_a_day_later(world: World, tmp_path: Path) -> None:
    old, recent = tmp_path / ".writing-old", tmp_path / ".writing-recent"
    for left in (old, recent):
        left.mkdir()
    day_s = 86_400
    changed = recent.stat().st_mtime - day_s - 60
    os.utime(old, (changed, changed))
    version = save_bundle(world.bundle(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [recent.name, version]


def test_a_list_of_files_that_was_altered_is_refused(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    del manifest["files"]["catalogue.npz"]
    path.write_bytes(orjson.dumps(manifest))
    with pytest.raises(BundleError, match="manifest.json: altered since .*train again"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"scorers": [{"name": "of_tomorrow", "options": {}}]},
        {"scorers": [{"name": "als", "options": {"of_tomorrow": 1}}]},
        {"fusions": {"": ["of_tomorrow"]}},
    ],
)
def test_a_bundle_of_another_release_is_refused_as_a_bundle(
    folder: Path, change: dict[str, object]
) -> None:
    """Whatever the kind of error: the service goes on with the bundle it has."""
    path = folder / "manifest.json"
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | change))
    with pytest.raises(BundleError, match="of_tomorrow"):
        load_bundle(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 2}'])
def test_a_manifest_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match="manifest.json: .*; train again"):
        load_bundle(folder)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected a bundle in .*, found no manifest.json"):
        load_bundle(tmp_path / "nothing")


def other_features(world: World, home: Path) -> Config:
    """Return settings of a home whose bundle was trained by code without the session group."""
    config = _copied(world, home)
    session = GROUPS.pop("session")
    try:
        with world.ready(trees=3, max_rankings=50) as shop:
            bundle = make_bundle(shop, train(shop))
    finally:
        GROUPS["session"] = session
    promote_bundle(home / "bundles", save_bundle(bundle, home / "bundles"))
    return config


def other_dimension(world: World, home: Path) -> Config:
    """Return settings of a home whose live index holds shorter vectors than its bundle's."""
    config = _copied(world, home)
    items = list(world.made.items)
    texts = [item.text() for item in items]
    encoder = fit_encoder(config.encoder.model_copy(update={"dim": 8}), texts)
    rows = zip(items, encoder.encode(texts), strict=True)
    engine = open_engine(config)
    version = engine.create(IndexSchema(8, encoder.fingerprint))
    engine.write(version, [Document(item, vector) for item, vector in rows])
    engine.seal(version)
    engine.promote(version)
    engine.close()
    return config


def _copied(world: World, home: Path) -> Config:
    shutil.copytree(world.config.home, home)
    return world.config.model_copy(update={"home": home})


FEATURES = (
    r"trained on another feature set: missing here none, "
    r"not known to it \['session.interactions', .*train again"
)
VECTORS = (
    r"trained with encoder \S+ \(16 dimensions\), the index \S+ holds vectors of \S+ "
    r"\(8 dimensions\): load the index again with the bundle's encoder, or train again"
)
SERVE = ("serve", "--port", "0", "--workers", "1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("misfit", "said"), [(other_features, FEATURES), (other_dimension, VECTORS)]
)
def test_a_bundle_that_does_not_fit_is_refused(
    world: World, tmp_path: Path, misfit: Callable[[World, Path], Config], said: str
) -> None:
    config = misfit(world, tmp_path / "home")
    with pytest.raises(BundleError, match=said):
        Pipeline.open(config, world.state())
    result = apart(config, tmp_path, *SERVE)
    assert result.returncode == 1
    assert re.search(f"(?m)^Error: .*{said}", result.stderr), result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.slow
def test_evaluate_refuses_a_bundle_of_other_features(world: World, tmp_path: Path) -> None:
    config = other_features(world, tmp_path / "home")
    result = apart(config, tmp_path, "evaluate", "--data", str(world.data))
    assert result.returncode == 1
    assert re.search(f"(?m)^Error: .*{FEATURES}", result.stderr), result.stderr
    assert "Traceback" not in result.stdout + result.stderr


@pytest.mark.slow
def test_evaluate_makes_an_index_that_fits_the_bundle(world: World, tmp_path: Path) -> None:
    config = other_dimension(world, tmp_path / "home")
    table = tmp_path / "table.json"
    result = apart(config, tmp_path, "evaluate", "--data", str(world.data), "--json", str(table))
    assert result.returncode == 0, result.stderr
    assert orjson.loads(table.read_bytes())["rows"] == world.table["rows"]


def apart(config: Config, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {**SMALL, "home": str(config.home), "engine": {"index": config.engine.index}}
    return run_apart(settings, folder, *arguments)
