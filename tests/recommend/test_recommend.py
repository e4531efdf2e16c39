"""The contract on each engine, and what needs none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from search_rerank.engines import open_engine
from search_rerank.engines.base import Engine
from search_rerank.errors import DataError
from search_rerank.recommend.request import Recommend
from search_rerank.recommend.shelf import in_turn
from tests.engines.conftest import on_a_server
from tests.recommend.contract import RecommendContract
from tests.recommend.contract_away import AwayContract, leave
from tests.recommend.corner import fill

__all__ = ["leave"]  # a fixture of the contract


class TestEmbedded(RecommendContract, AwayContract):
    """On the engine that needs no server."""


@pytest.mark.elasticsearch
class TestElasticsearch(RecommendContract, AwayContract):
    """On a server."""

    @pytest.fixture(scope="class")
    @classmethod
    def engine(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
        with on_a_server(tmp_path_factory.mktemp("corner")) as config:
            engine = open_engine(config)
            fill(engine)
            yield engine
            engine.close()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"scope": "similar"}, "expected an item to be similar to, found none"),
        ({"item": "boot1"}, "similar or cross_category only, found 'boot1' with personal"),
        ({"scope": "trending", "item": "x"}, "with trending"),
    ],
)
def test_scope_and_item_go_together(asked: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        Recommend(**asked)


def test_lists_are_taken_in_turn() -> None:
    lists = [["a", "b", "c"], ["b", "d"], [], ["x"]]
    assert in_turn(lists, (), 10) == ["a", "b", "x", "c", "d"]
    assert in_turn(lists, {"b", "x"}, 10) == ["a", "d", "c"]
    assert in_turn(lists, (), 2) == ["a", "b"]
    assert in_turn([], (), 2) == []
