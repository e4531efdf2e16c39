from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import elasticsearch as es
import numpy as np
import pytest

from search_rerank.config import Config, EngineConfig, IndexConfig
from search_rerank.data.item import parse_item
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve
from search_rerank.engines.elasticsearch import search
from search_rerank.engines.elasticsearch.connection import reason_of
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.query import Facet, Range, Sort
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


@contextmanager
def filled(config: Config, documents: list[Document], dim: int) -> Iterator[Engine]:
    with closing(open_engine(config)) as engine:
        version = engine.create(IndexSchema(dim, "any"), len(documents))
        engine.write(version, documents)
        engine.seal(version)
        engine.promote(version)
        yield engine


def mapping_of(config: Config) -> dict[str, Any]:
    with es.Elasticsearch(list(config.engine.urls)) as client:
        (found,) = client.indices.get(index=config.engine.index).values()
        return dict(found)


@pytest.mark.elasticsearch
def test_counts_and_orders_are_those_of_one_shard(elastic_config: Config) -> None:
    """Brand n has n items, spread over the shards: none of them knows the most frequent."""
    rows = [
        {"id": f"{n:02d}-{m:02d}", "title": "Cup", "brand": f"brand {n:02d}", "price": n}
        for n in range(1, 41)
        for m in range(n)
    ]
    settings = elastic_config.engine.model_copy(update={"shards": 3})
    config = elastic_config.model_copy(update={"engine": settings})
    facets = (
        Facet("brand", size=3),
        Facet("price", "ranges", (Range(gte=40), Range(lte=3))),
        Facet("price", "statistics"),
    )
    with filled(config, [Document(parse_item(row)) for row in rows], 0) as engine:
        assert mapping_of(config)["settings"]["index"]["number_of_shards"] == "3"
        found = engine.retrieve(
            Retrieve("cup", facets=facets, k=3, sort=(Sort("price", descending=True),))
        )
    assert list(found.facets["brand"]) == [("brand 40", 40), ("brand 39", 39), ("brand 38", 38)]
    assert list(found.facets["price"]) == [("40..", 40), ("..3", 1 + 2)]
    assert found.statistics["price"].mean == pytest.approx(
        sum(n * n for n in range(1, 41)) / len(rows)
    )
    assert (found.total, found.ids) == (len(rows), ["40-00", "40-01", "40-02"])


@pytest.mark.elasticsearch
def test_the_server_keeps_what_a_search_found_until_the_index_changes(
    elastic_config: Config,
) -> None:
    def hits() -> int:
        with es.Elasticsearch(list(elastic_config.engine.urls)) as client:
            stats = client.indices.stats(index=elastic_config.engine.index)
        return int(stats["_all"]["primaries"]["request_cache"]["hit_count"])

    cups = [Document(parse_item({"id": id_, "title": "cup"}), EAST) for id_ in ("a", "b")]
    with filled(elastic_config, cups[:1], 2) as engine:
        assert engine.retrieve(Retrieve("cup", EAST)).ids == ["a"]
        assert hits() == 0
        assert engine.retrieve(Retrieve("cup", EAST)).ids == ["a"]
        assert hits() == 3  # words, exact items, vectors
        (version,) = engine.versions()
        engine.write(version.name, cups[1:])
        engine.finish(version.name)
        assert engine.retrieve(Retrieve("cup", EAST)).ids == ["a", "b"]
        assert hits() == 3


@pytest.mark.elasticsearch
@pytest.mark.parametrize(("above", "kind"), [(200, "flat"), (199, "int8_hnsw")])
def test_cosines_are_exact_though_quantised(elastic_config: Config, above: int, kind: str) -> None:
    points = np.random.default_rng(5).normal(size=(200, 32)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    items = [parse_item({"id": str(n), "title": "cup" if n % 2 else "mug"}) for n in range(200)]
    documents = [Document(item, point) for item, point in zip(items, points, strict=True)]
    config = elastic_config.model_copy(update={"index": IndexConfig(quantise_above=above)})
    with filled(config, documents, 32) as engine:
        vector = mapping_of(config)["mappings"]["properties"]["vector"]
        assert vector["index_options"]["type"] == kind
        answers = [engine.retrieve(Retrieve("cup", points[8], k=50)) for _ in range(4)]
    for found in answers:  # the first asked for, the last of vectors read before
        cosine = points[[int(id_) for id_ in found.ids]] @ points[8]
        np.testing.assert_allclose(found.vector, cosine, atol=1e-5)


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
