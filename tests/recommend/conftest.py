"""The corner shop, indexed once for the tests of a class, with a state of its own for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_rerank.config import Config
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine
from tests.recommend.corner import Corner, fill


@pytest.fixture(scope="class")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return the engine that needs no server, with the shop in it."""
    engine = open_engine(Config(home=tmp_path_factory.mktemp("corner")))
    fill(engine)
    yield engine
    engine.close()


@pytest.fixture
def corner(engine: Engine, tmp_path: Path) -> Corner:
    return Corner.on(engine, tmp_path)
