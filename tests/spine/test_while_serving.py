"""What is promoted while a pipeline serves: taken up if it fits, never at the cost of answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest

from search_rerank.bundles import live_bundle, promote_bundle
from search_rerank.config import Config
from search_rerank.engines.base import Document, IndexSchema
from search_rerank.errors import BundleError, EngineError
from search_rerank.explanation import Explain
from search_rerank.pipeline import Pipeline
from search_rerank.query import Filters
from tests.spine.world import World


@pytest.fixture
def config(world: World, tmp_path: Path) -> Config:
    shutil.copytree(world.config.home, tmp_path / "home")
    return world.config.model_copy(update={"home": tmp_path / "home"})


@pytest.fixture
def serving(world: World, config: Config) -> Iterator[Pipeline]:
    pipeline = Pipeline.open(config, world.state())
    yield pipeline
    pipeline.close()


def copied(folder: Path, name: str) -> Path:
    live = live_bundle(folder)
    assert live is not None
    return Path(shutil.copytree(live, folder / name))


def test_another_bundle_is_taken_up(config: Config, serving: Pipeline) -> None:
    assert serving.reload_if_changed() is False
    copied(config.home / "bundles", "another")
    promote_bundle(config.home / "bundles", "another")
    assert serving.reload_if_changed() is True
    assert serving.reload_if_changed() is False


def test_a_damaged_bundle_is_not_taken_up_and_the_one_in_use_serves_on(
    world: World, config: Config, serving: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = copied(config.home / "bundles", "damaged")
    (damaged / "catalogue.npz").unlink()
    promote_bundle(config.home / "bundles", "damaged")
    before = serving.bundle_version
    assert serving.reload_if_changed() is False
    answer = serving.search(world.query("shoes", "u00000"))
    assert answer.bundle == before == serving.bundle_version
    (why,) = answer.degraded
    assert why.stage == "bundle" and "damaged or misfit" in why.reason
    assert "catalogue.npz: missing or altered" in caplog.text
    promote_bundle(config.home / "bundles", str(before))
    assert serving.reload_if_changed() is True
    assert serving.search(world.query("shoes", "u00000")).degraded == []


def test_a_first_bundle_that_is_damaged_is_done_without(
    world: World, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    bundles = config.home / "bundles"
    whole = copied(bundles, "whole")
    damaged = Path(shutil.copytree(whole, bundles / "damaged"))
    (damaged / "catalogue.npz").unlink()
    promote_bundle(bundles, "damaged")
    with pytest.raises(BundleError, match="catalogue.npz: missing or altered"):
        Pipeline.open(config, world.state())
    pipeline = Pipeline.open(config, world.state(), strict=False)
    assert pipeline.reload_if_changed() is False
    assert caplog.text.count("catalogue.npz: missing or altered") == 1
    answer = pipeline.search(world.query("shoes"))
    assert [part.stage for part in answer.degraded][:1] == ["bundle"] and answer.hits
    promote_bundle(bundles, "whole")
    assert pipeline.reload_if_changed() is True
    assert pipeline.search(world.query("shoes")).degraded == []
    pipeline.close()


def test_a_damaged_bundle_is_taken_up_once_it_is_mended(
    world: World, config: Config, serving: Pipeline
) -> None:
    damaged = copied(config.home / "bundles", "damaged")
    (damaged / "catalogue.npz").rename(damaged / "elsewhere")
    promote_bundle(config.home / "bundles", "damaged")
    assert serving.reload_if_changed() is False
    assert serving.reload_if_changed() is False
    (damaged / "elsewhere").rename(damaged / "catalogue.npz")
    assert serving.reload_if_changed() is True
    assert serving.search(world.query("shoes", "u00000")).degraded == []


def test_a_bundle_of_another_release_is_not_taken_up(
    world: World, config: Config, serving: Pipeline
) -> None:
    path = copied(config.home / "bundles", "later") / "manifest.json"
    manifest = orjson.loads(path.read_bytes())
    manifest["scorers"][0]["options"]["of_tomorrow"] = 1
    path.write_bytes(orjson.dumps(manifest))
    promote_bundle(config.home / "bundles", "later")
    assert serving.reload_if_changed() is False
    answer = serving.search(world.query("shoes", "u00000"))
    assert [part.stage for part in answer.degraded] == ["bundle"]
    assert answer.bundle == serving.bundle_version


def test_an_index_with_vectors_of_another_dimension_leaves_the_words(
    world: World, serving: Pipeline
) -> None:
    engine = serving.engine
    version = engine.create(IndexSchema(3, "another encoder"))
    engine.write(version, [Document(item) for item in world.made.items])
    engine.seal(version)
    engine.promote(version)
    answer = serving.search(world.query("shoes", "u00000"), explain=Explain())
    (why,) = answer.degraded
    assert why.stage == "vector" and "expected a query vector of 3 numbers" in why.reason
    assert answer.bundle == serving.bundle_version
    assert len(answer.hits) > 10
    assert all((hit.lexical or 0) > 0 for hit in answer.hits)


def test_an_index_of_another_encoder_of_the_same_dimension_leaves_the_words(
    world: World, serving: Pipeline
) -> None:
    engine, asked = serving.engine, world.query("shoes", "u00000")
    live = next(version for version in engine.versions() if version.live)
    other = engine.create(IndexSchema(live.schema.dim, "hashing-other", live.schema.attributes))
    vector = np.eye(1, live.schema.dim, dtype=np.float32)[0]
    engine.write(other, [Document(item, vector) for item in world.made.items])
    engine.seal(other)
    engine.promote(other)
    serving.reload_if_changed()
    answer = serving.search(asked)
    assert [part.stage for part in answer.degraded] == ["vector"]
    assert all(hit.vector is None for hit in answer.hits)
    engine.promote(live.name)
    serving.reload_if_changed()
    assert serving.search(asked).degraded == []


def test_a_filter_that_the_engine_refuses_stays_an_error(world: World, serving: Pipeline) -> None:
    query = world.query("shoes")
    wrong = Filters(terms={"attributes.smell": ("sweet",)})
    with pytest.raises(EngineError, match="attributes.smell"):
        serving.search(type(query)(query.text, filters=wrong, k=10, now_ms=query.now_ms))
