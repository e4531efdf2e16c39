"""Cosines of items that only the words found: asked for once, then known of vectors read before."""

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from search_rerank.config import Config
from search_rerank.data.item import parse_item
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve
from search_rerank.engines.elasticsearch import search
from search_rerank.engines.elasticsearch.asking import Answer, Asking
from search_rerank.engines.elasticsearch.vectors import Vectors
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.query import Candidates
from tests.engines.test_elasticsearch import filled

N, DIM = 60, 8
POINTS = np.random.default_rng(3).normal(size=(N, DIM)).astype(np.float32)
POINTS /= np.linalg.norm(POINTS, axis=1, keepdims=True)
QUERY = POINTS[1]


def document(n: int, vector: NDArray[np.float32] | None, revision: int = 0) -> Document:
    """Every third item is a cup: with ten asked for, the vectors find few of the cups."""
    item = parse_item({"id": str(n), "title": "mug" if n % 3 else "cup", "price": revision + 1})
    return Document(item, vector, revision=revision)


def point(*numbers: float) -> NDArray[np.float32]:
    return np.array(numbers, dtype=np.float32)


def version(name: str, dim: int = 2) -> Known:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    return Known(name, IndexSchema(dim, "any"), created, True, False, {})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the searches of each round trip."""
    counted: list[int] = []
    ask = Asking.ask

    def counting(self: Asking, *args: object, **options: object) -> list[Answer]:
        counted.append(len(args[1]))  # type: ignore[arg-type]
        return ask(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Asking, "ask", counting)
    return counted


def cups(engine: Engine) -> Candidates:
    return engine.retrieve(Retrieve("cup", QUERY, k=10))


def assert_cosines(found: Candidates, points: NDArray[np.float32] = POINTS) -> None:
    expected = points[[int(id_) for id_ in found.ids]] @ QUERY
    np.testing.assert_allclose(found.vector, expected, atol=1e-6)


@pytest.mark.elasticsearch
class TestCosines:
    def test_are_asked_for_once(self, elastic_config: Config, asked: list[int]) -> None:
        with filled(elastic_config, [document(n, p) for n, p in enumerate(POINTS)], DIM) as engine:
            first, again = cups(engine), cups(engine)
        assert asked == [3, 2, 3]
        assert_cosines(first)
        assert_cosines(again)
        assert first.ids == again.ids
        np.testing.assert_allclose(first.score, again.score, atol=1e-6)

    def test_are_those_of_a_vector_written_since(
        self, elastic_config: Config, asked: list[int]
    ) -> None:
        with filled(elastic_config, [document(n, p) for n, p in enumerate(POINTS)], DIM) as engine:
            last = int(cups(engine).ids[-1])
            moved = POINTS.copy()
            moved[last] = -POINTS[last]
            (live,) = engine.versions()
            engine.write(live.name, [document(last, moved[last], revision=1)])
            engine.finish(live.name)
            found = cups(engine)
            assert asked == [3, 2, 3, 2]
            cups(engine)
        assert asked == [3, 2, 3, 2, 3]
        assert str(last) in found.ids
        assert_cosines(found, moved)

    def test_of_an_item_without_vector_are_asked_for_once_too(
        self, elastic_config: Config, asked: list[int]
    ) -> None:
        documents = [document(n, p if n else None) for n, p in enumerate(POINTS)]
        with filled(elastic_config, documents, DIM) as engine:
            for found in (cups(engine), cups(engine)):
                assert np.isnan(found.vector[found.ids.index("0")])
                assert not np.isnan(found.vector).all()
        assert asked == [3, 2, 3]

    def test_are_asked_for_each_time_where_no_vector_may_be_kept(
        self, elastic_config: Config, asked: list[int]
    ) -> None:
        engine_config = elastic_config.engine.model_copy(update={"vectors_mb": 0.0})
        config = elastic_config.model_copy(update={"engine": engine_config})
        with filled(config, [document(n, p) for n, p in enumerate(POINTS)], DIM) as engine:
            cups(engine)
            assert_cosines(cups(engine))
        assert asked == [3, 1, 3, 1]

    def test_are_told_where_vectors_cannot_be_read(
        self, elastic_config: Config, asked: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "vectors", lambda ids: {"docvalue_fields": ["title"]})
        with filled(elastic_config, [document(n, p) for n, p in enumerate(POINTS)], DIM) as engine:
            cups(engine)
            found = cups(engine)
        assert asked == [3, 2, 3, 2]
        assert_cosines(found)
        assert not found.degraded


class TestVectors:
    def known(self, vectors: Vectors, of: Known, *documents: tuple[str, int]) -> dict[str, float]:
        """Return the cosines with (1, 0) of those that are known, by id."""
        ids, states = [id_ for id_, _ in documents], [(number, 1) for _, number in documents]
        places, cosines = vectors.cosines(of, point(1.0, 0.0), ids, states)
        return {documents[p][0]: c for p, c in zip(places.tolist(), cosines.tolist(), strict=True)}

    def test_a_cosine_does_not_depend_on_lengths(self) -> None:
        vectors, live = Vectors(1), version("v1")
        vectors.keep(live, [("a", (7, 1), point(3.0, 4.0)), ("b", (8, 1), point(-2.0, 0.0))])
        known = self.known(vectors, live, ("b", 8), ("x", 1), ("a", 7))
        assert known == pytest.approx({"a": 3 / 5, "b": -1.0})

    def test_only_the_state_that_was_read_is_known(self) -> None:
        vectors, live = Vectors(1), version("v1")
        vectors.keep(live, [("a", (7, 1), point(1.0, 0.0))])
        assert self.known(vectors, live, ("a", 8)) == {}
        vectors.keep(live, [("a", (8, 1), point(0.0, 1.0))])
        assert self.known(vectors, live, ("a", 8)) == {"a": 0.0}
        assert self.known(vectors, live, ("a", 7)) == {}

    def test_another_version_begins_anew(self) -> None:
        vectors = Vectors(1)
        vectors.keep(version("v1"), [("a", (7, 1), point(1.0, 0.0))])
        assert self.known(vectors, version("v2"), ("a", 7)) == {}
        vectors.keep(version("v3", dim=3), [("a", (7, 1), point(1.0, 0.0, 0.0))])

    def test_no_more_are_kept_than_there_is_room_for(self) -> None:
        vectors, live = Vectors(2 * (4 * 2 + 250) / 1e6), version("v1")
        assert vectors.room(live) == 2
        vectors.keep(live, [(id_, (1, 1), point(1.0, 0.0)) for id_ in "abc"])
        assert vectors.room(live) == 0
        assert self.known(vectors, live, *((id_, 1) for id_ in "abc")) == {"a": 1.0, "b": 1.0}
        vectors.keep(live, [("a", (2, 1), point(0.0, 1.0))])  # in its own place
        assert self.known(vectors, live, ("a", 2), ("b", 1)) == {"a": 0.0, "b": 1.0}
