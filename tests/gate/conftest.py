"""A small shop, trained once, that the gate's tests hold bundles of against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from search_rerank.bundle import Bundle
from search_rerank.config import Config, parse_config
from search_rerank.data.shop import generate, write_shop
from search_rerank.engines import open_engine
from search_rerank.training import Shop
from search_rerank.workspace import Workspace
from tests.spine.world import run

SETTINGS = {
    "encoder": {"dim": 16},
    "scorers": [{"name": "popularity"}, {"name": "content"}],
    "training": {"trees": 6, "leaves": 4, "max_rankings": 150, "max_test_rankings": 60},
    "gate": {"min_queries": 20},
}


@dataclass(frozen=True)
class Trained:
    """A written data set, and a home in which a bundle of it is live."""

    data: Path
    config: Config
    output: str

    def bundle(self) -> Bundle:
        return Workspace(self.config).bundle()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("gate")
    write_shop(generate(products=150, shoppers=60, events=4000), folder / "data")
    settings = {**SETTINGS, "home": str(folder / "home")}
    done = run(settings, folder, "train", "--data", str(folder / "data"), "--gate")
    assert done.exit_code == 0, (done.output, done.exception)
    return Trained(folder / "data", parse_config(settings), done.output)


@pytest.fixture(scope="session")
def shop(trained: Trained) -> Iterator[Shop]:
    from search_rerank.commands.reading import read_folder

    workspace = Workspace(trained.config)
    engine = open_engine(trained.config)
    with workspace.cache() as cache:
        yield workspace.shop(read_folder(trained.data), engine, cache)
    engine.close()
