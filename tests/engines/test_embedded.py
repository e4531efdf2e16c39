from pathlib import Path

import numpy as np
import pytest

from search_rerank.config import EngineConfig, RetrievalConfig
from search_rerank.engines.base import Retrieve
from search_rerank.engines.embedded import EmbeddedEngine
from search_rerank.engines.embedded.vectors import VectorFile
from tests.engines.contract import EAST, ITEMS, EngineContract, Open, document, load
from tests.engines.contract_writing import WritingContract

pytestmark = pytest.mark.slow


class TestWriting(WritingContract):
    @pytest.fixture
    def open_(self, embedded: Open) -> Open:
        return embedded


class TestEmbedded(EngineContract):
    @pytest.fixture
    def open_(self, embedded: Open) -> Open:
        return embedded

    def test_a_reader_sees_promotions_and_changes_at_once(self, open_: Open) -> None:
        writer, reader = open_(), open_()
        writer.promote(load(writer, ITEMS[:1]))
        assert reader.count() == 1
        second = load(writer)
        writer.promote(second)
        assert reader.count() == len(ITEMS)
        writer.delete(second, ["a"])
        assert reader.count() == len(ITEMS)
        writer.finish(second)
        assert "a" not in reader.retrieve(Retrieve("running", EAST)).ids

    def test_an_index_outlives_its_engine(self, open_: Open) -> None:
        engine = open_()
        engine.promote(load(engine))
        before = engine.retrieve(Retrieve("running", EAST))
        engine.close()
        after = open_().retrieve(Retrieve("running", EAST))
        assert after.ids == before.ids
        np.testing.assert_array_equal(after.score, before.score)

    def test_what_was_not_finished_is_lost(self, open_: Open) -> None:
        engine = open_()
        version = load(engine, ITEMS[:1])
        engine.write(version, [document(ITEMS[1])])
        engine.close()
        engine = open_()
        assert engine.count(version) == 1
        assert engine.retrieve(Retrieve("shirt"), version).ids == []

    def test_versions_of_the_past_are_not_held(self, tmp_path: Path) -> None:
        """A service sees a new version every night: memory and deleted files must not add up."""
        writer, reader = (
            EmbeddedEngine(tmp_path, EngineConfig(), RetrievalConfig()) for _ in range(2)
        )
        for _ in range(4):
            writer.promote(load(writer))
            assert reader.count() == len(ITEMS)
        assert len(reader._snapshots) == 1
        live, other = reader.versions()[0].name, load(writer)
        for version in (live, other) * 2:
            reader.count(version)
        assert set(reader._snapshots) == {live, other}
        writer.close()
        reader.close()

    def test_words_remain_when_vectors_fail(
        self, open_: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("graph is damaged")

        engine = open_()
        engine.promote(load(engine))
        monkeypatch.setattr(VectorFile, "nearest", fail)
        found = engine.retrieve(Retrieve("running", EAST))
        assert set(found.ids) == {"a", "b"}
        assert found.degraded == (("vectors", "RuntimeError: graph is damaged"),)
        assert np.isnan(found.vector).all()
