"""Items that searches find: read once for each state, and never another than searches see."""

from contextlib import closing
from typing import Any

import pytest

from search_rerank.config import Config
from search_rerank.data.item import parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, Retrieve
from search_rerank.engines.elasticsearch import items
from tests.engines.contract import EAST
from tests.engines.test_elasticsearch import filled

pytestmark = pytest.mark.elasticsearch


def cup(id_: str, price: int = 1) -> Document:
    row = {"id": id_, "title": "cup", "price": price}
    return Document(parse_item(row), EAST, revision=price)


CUPS = [cup("a"), cup("b")]


def prices(engine: Engine) -> list[float | None]:
    return [None if item is None else item.price for item in engine.items(["a", "b"])]


def write(engine: Engine, *documents: Document) -> None:
    (live,) = engine.versions()
    engine.write(live.name, documents)
    engine.finish(live.name)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Note which items are asked for."""
    asked: list[list[str]] = []
    true = items.stored

    def noting(client: Any, version: Any, ids: list[str], names: list[str]) -> Any:
        if ids:
            asked.append(ids)
        return true(client, version, ids, names)

    monkeypatch.setattr(items, "stored", noting)
    # However slow the machine is.
    monkeypatch.setattr(items, "RECENT_S", 60.0)
    return asked


@pytest.mark.parametrize(
    "request_", [Retrieve("cup", EAST), Retrieve("cup"), Retrieve("")], ids=["both", "words", "all"]
)
def test_what_a_search_finds_again_is_read_once(
    elastic_config: Config, read: list[list[str]], request_: Retrieve
) -> None:
    with filled(elastic_config, CUPS, 2) as engine:
        for _ in range(3):
            engine.retrieve(request_)
            assert prices(engine) == [1, 1]
    assert read == [["a", "b"]]


def test_without_a_search_nothing_is_taken_for_known(
    elastic_config: Config, read: list[list[str]]
) -> None:
    with filled(elastic_config, CUPS, 2) as engine:
        assert prices(engine) == prices(engine) == [1, 1]
    assert read == [["a", "b"]] * 2


def test_a_search_of_long_ago_tells_nothing(
    elastic_config: Config, read: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "RECENT_S", 0.0)
    with filled(elastic_config, CUPS, 2) as engine:
        for _ in range(2):
            engine.retrieve(Retrieve("cup", EAST))
            prices(engine)
    assert read == [["a", "b"]] * 2


def test_what_this_process_wrote_is_read_at_once(
    elastic_config: Config, read: list[list[str]]
) -> None:
    with filled(elastic_config, CUPS, 2) as engine:
        engine.retrieve(Retrieve("cup", EAST))
        assert prices(engine) == [1, 1]
        write(engine, cup("b", 2))
        assert prices(engine) == [1, 2]
        (live,) = engine.versions()
        engine.retrieve(Retrieve("cup", EAST))
        engine.delete(live.name, ["a"], revision=3)
        engine.finish(live.name)
        assert prices(engine) == [None, 2]


def test_what_another_process_wrote_is_read_once_a_search_finds_it(
    elastic_config: Config, read: list[list[str]]
) -> None:
    with filled(elastic_config, CUPS, 2) as engine, closing(open_engine(elastic_config)) as other:
        engine.retrieve(Retrieve("cup", EAST))
        assert prices(engine) == [1, 1]
        write(other, cup("b", 2))
        engine.retrieve(Retrieve("cup", EAST))
        assert prices(engine) == [1, 2]
    assert read == [["a", "b"], ["b"]]


def test_no_more_is_kept_than_may_be(elastic_config: Config, read: list[list[str]]) -> None:
    size = 3 * len(CUPS[0].item.to_json())
    settings = elastic_config.engine.model_copy(update={"items_mb": 1.5 * size / 1e6})
    with filled(elastic_config.model_copy(update={"engine": settings}), CUPS, 2) as engine:
        for _ in range(2):
            engine.retrieve(Retrieve("cup", EAST))
            assert prices(engine) == [1, 1]
    assert read == [["a", "b"], ["a"]]
