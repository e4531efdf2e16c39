import numpy as np
import pytest

from search_rerank.config import Config, EngineConfig
from search_rerank.engines import open_engine
from search_rerank.engines.base import Retrieve
from search_rerank.engines.elasticsearch import search
from search_rerank.engines.elasticsearch.connection import reason_of
from search_rerank.errors import EngineError, EngineUnavailable
from tests.engines.contract import EAST, EngineContract, Open, load


@pytest.mark.elasticsearch
class TestElasticsearch(EngineContract):
    @pytest.fixture
    def open_(self, elastic: Open) -> Open:
        return elastic

    def test_words_remain_when_vectors_fail(
        self, open_: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        engine = open_()
        engine.promote(load(engine))
        true = search.near

        def broken(*args: object) -> dict[str, object]:
            query = true(*args)  # type: ignore[arg-type]
            query["knn"]["query_vector"] = [1.0, 0.0, 0.0]
            return query

        monkeypatch.setattr(search, "near", broken)
        found = engine.retrieve(Retrieve("running", EAST))
        assert set(found.ids) == {"a", "b"}
        assert [part for part, _ in found.degraded] == ["vectors"]
        assert np.isnan(found.vector).all()


def test_a_server_that_is_away_says_what_to_do() -> None:
    config = Config(engine=EngineConfig(kind="elasticsearch", url="http://127.0.0.1:1"))
    with pytest.raises(EngineUnavailable, match="cannot be reached.*make elasticsearch"):
        open_engine(config)


def test_an_address_that_is_none_is_named() -> None:
    config = Config(engine=EngineConfig(kind="elasticsearch", url="localhost"))
    with pytest.raises(EngineError, match=r"engine\.url localhost"):
        open_engine(config)


def test_credentials_in_an_address_are_refused_and_not_told() -> None:
    url = "http://elastic:secret@127.0.0.1:9200"
    with pytest.raises(EngineError, match="SEARCH_RERANK_ES_PASSWORD in the env") as refused:
        open_engine(Config(engine=EngineConfig(kind="elasticsearch", url=url)))
    assert "secret" not in str(refused.value)


def test_the_innermost_reason_is_told() -> None:
    body = {
        "error": {
            "reason": "all shards failed",
            "failed_shards": [{"reason": {"reason": "outer", "caused_by": {"reason": "inner"}}}],
        }
    }
    assert reason_of(body) == "inner"
