"""Pages stay whole while items, events, bundles and the index change, on real engines."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from search_rerank.bundle import load_bundle, save_bundle
from search_rerank.config import Config, EngineConfig, RetrievalConfig, parse_config
from search_rerank.data.shop import generate
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, IndexSchema
from search_rerank.fusion.selection import Selection
from service.app import create_app
from tests.service.conftest import World
from tests.service.motion import CHANGES, Motion

pytestmark = pytest.mark.slow
K = 10
BODIES: list[dict[str, Any]] = [
    {"query": "shoes", "user": "u00001"},
    {"query": "women", "filters": {"terms": {"in_stock": True}}},
    {"user": "u00002", "filters": {"none_of": [{"terms": {"in_stock": False}}]}},
    {"query": "shoes", "sort": "-price"},
    {},
]
STEPS = st.lists(
    st.tuples(st.sampled_from(["page", *CHANGES]), st.integers(0, 200)), min_size=3, max_size=9
)


@pytest.fixture(scope="module")
def shop(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FlaskClient, list[str]]]:
    """A copy of the shop with a short window and two bundles."""
    home = tmp_path_factory.mktemp("motion") / "home"
    shutil.copytree(world.config.home, home)
    (folder,) = (path for path in (home / "bundles").iterdir() if path.is_dir())
    bundle = load_bundle(folder)
    other = next(name for name in bundle.serving if name != bundle.selection.chosen)
    chosen = {task: Selection(other) for task in bundle.fusions}
    second = save_bundle(replace(bundle, selections=chosen), home / "bundles")
    assert second != folder.name
    other_settings = {"home": home, "retrieval": RetrievalConfig(k=K)}
    app = create_app(world.config.model_copy(update=other_settings), clock=lambda: world.now_ms)
    yield app.test_client(), [folder.name, second]
    app.extensions["search_rerank"].close()


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, body=st.sampled_from(BODIES), size=st.integers(1, 6))
@example(steps=[("sell_out", 5), ("delete", 7), ("index", 1)], body=BODIES[1], size=2)
def test_pages_stay_whole(
    shop: tuple[FlaskClient, list[str]],
    steps: list[tuple[str, int]],
    body: dict[str, Any],
    size: int,
) -> None:
    client, bundles = shop
    walk(Motion(client, body | {"size": size}, bundles), steps)


def walk(motion: Motion, steps: list[tuple[str, int]]) -> None:
    for what, n in steps:
        if what == "page":
            motion.page(1 + n % 7)
        else:
            motion.change(what, n)
            motion.page(1 + n % 5)
    motion.end()


@pytest.fixture(scope="module")
def elastic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A service without a bundle over an index on a real server."""
    url = os.environ.get("SEARCH_RERANK_ES_URL")
    if not url:
        pytest.skip("no Elasticsearch: SEARCH_RERANK_ES_URL is not set; see `make elasticsearch`")
    import elasticsearch

    index = f"pages-{uuid.uuid4().hex[:10]}"
    config = served_by(url, index, tmp_path_factory.mktemp("elastic"))
    engine = open_engine(config)
    version = engine.create(IndexSchema(0, ""))
    items = generate(products=60, shoppers=2, events=10).dataset().items
    engine.write(version, [Document(item) for item in items])
    engine.seal(version)
    engine.promote(version)
    engine.close()
    app = create_app(config)
    yield app.test_client()
    app.extensions["search_rerank"].close()
    with elasticsearch.Elasticsearch(url) as client:
        for name in client.indices.get(index=f"{index}-v*"):
            client.indices.delete(index=name)


def served_by(url: str, index: str, home: Path) -> Config:
    engine = EngineConfig(kind="elasticsearch", index=index, url=url, timeout_s=30)
    return parse_config({"home": str(home), "engine": engine.model_dump(), "retrieval": {"k": K}})


@pytest.mark.elasticsearch
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, body=st.sampled_from(BODIES), size=st.integers(1, 6))
def test_pages_stay_whole_on_a_server(
    elastic: FlaskClient, steps: list[tuple[str, int]], body: dict[str, Any], size: int
) -> None:
    walk(Motion(elastic, body | {"size": size}), steps)
