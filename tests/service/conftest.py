"""One small generated shop, indexed and trained once, that the service's tests ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from search_rerank.bundle import save_bundle
from search_rerank.bundles import promote_bundle
from search_rerank.config import Config, parse_config
from search_rerank.data.item import Item
from search_rerank.data.shop import generate
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, IndexSchema
from search_rerank.state.opening import open_state
from search_rerank.training import make_bundle, train
from search_rerank.workspace import Workspace
from service.app import create_app


@dataclass(frozen=True)
class World:
    config: Config
    items: list[Item]
    now_ms: int


def build(home: Path, **settings: object) -> World:
    made = generate(products=150, shoppers=60, events=2500)
    dataset = made.dataset()
    config = parse_config(
        {
            "home": str(home),
            "encoder": {"dim": 16},
            "training": {"trees": 8, "leaves": 4, "max_rankings": 150, "max_test_rankings": 20},
            "service": {"deadline_ms": 60_000},  # a machine that tests is a busy one
            **settings,
        }
    )
    engine = open_engine(config)
    workspace = Workspace(config)
    with workspace.cache() as cache:
        shop = workspace.shop(dataset, engine, cache)
        vectors = shop.encoder.encode([item.text() for item in dataset.items])
        schema = IndexSchema(shop.encoder.dim, shop.encoder.fingerprint, ("colour",))
        version = engine.create(schema)
        rows = zip(dataset.items, vectors, strict=True)
        engine.write(version, [Document(item, vector) for item, vector in rows])
        engine.seal(version)
        engine.promote(version)
        bundle = make_bundle(shop, train(shop))
    engine.close()
    promote_bundle(workspace.bundles, save_bundle(bundle, workspace.bundles))
    state = open_state(config)
    state.append(shop.events.log)
    state.close()
    return World(config, list(dataset.items), int(shop.events.time_ms[-1]) + 1000)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def client(world: World) -> Iterator[FlaskClient]:
    app = create_app(world.config, clock=lambda: world.now_ms)
    yield app.test_client()
    app.extensions["search_rerank"].close()


@pytest.fixture
def empty_client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A service without index, bundle or state."""
    app = create_app(parse_config({"home": str(tmp_path)}))
    yield app.test_client()
    app.extensions["search_rerank"].close()
