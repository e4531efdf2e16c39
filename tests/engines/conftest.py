"""Each engine, empty, and gone after the test."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search_rerank.config import Config, EngineConfig, RetrievalConfig
from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine

ES_URL = "SEARCH_RERANK_ES_URL"
Open = Callable[[], Engine]
OpenWith = Callable[[RetrievalConfig], Engine]


@pytest.fixture
def embedded_with(tmp_path: Path) -> Iterator[OpenWith]:
    yield from _opener(Config(home=tmp_path))


@contextmanager
def on_a_server(home: Path) -> Iterator[Config]:
    """Give settings of an index of its own on a real server; it is removed at the end."""
    url = os.environ.get(ES_URL)
    if not url:
        pytest.skip(
            f"no Elasticsearch: {ES_URL} is not set; start one with `make elasticsearch`, "
            f"or run `make test`"
        )
    index = f"contract-{uuid.uuid4().hex[:10]}"
    engine = EngineConfig(kind="elasticsearch", index=index, url=url, timeout_s=30)
    yield Config(home=home, engine=engine)
    import elasticsearch

    with elasticsearch.Elasticsearch(url) as client:
        for name in client.indices.get(index=f"{index}-v*"):
            client.indices.delete(index=name)


@pytest.fixture
def elastic_config(tmp_path: Path) -> Iterator[Config]:
    """Return settings of an index of its own on a real server."""
    with on_a_server(tmp_path) as config:
        yield config


@pytest.fixture
def elastic_with(elastic_config: Config) -> Iterator[OpenWith]:
    yield from _opener(elastic_config)


@pytest.fixture
def embedded(embedded_with: OpenWith) -> Open:
    return lambda: embedded_with(RetrievalConfig())


@pytest.fixture
def elastic(elastic_with: OpenWith) -> Open:
    return lambda: elastic_with(RetrievalConfig())


def _opener(config: Config) -> Iterator[OpenWith]:
    opened: list[Engine] = []

    def open_with(retrieval: RetrievalConfig) -> Engine:
        opened.append(open_engine(config.model_copy(update={"retrieval": retrieval})))
        return opened[-1]

    yield open_with
    for engine in opened:
        engine.close()
