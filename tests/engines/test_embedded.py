import multiprocessing
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from search_rerank.config import Config, RetrievalConfig
from search_rerank.engines import open_engine
from search_rerank.engines.base import Document, Engine, IndexSchema, Retrieve
from search_rerank.engines.embedded import EmbeddedEngine, vectors
from search_rerank.engines.embedded.vectors import VectorFile
from search_rerank.errors import EngineError
from search_rerank.query import Filters
from tests.engines.contract import EAST, ITEMS, EngineContract, Open, document, load


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

    def test_only_one_process_writes(self, tmp_path: Path, open_: Open) -> None:
        engine = open_()
        version = engine.create(IndexSchema(0, ""))
        engine.write(version, [Document(ITEMS[0])])
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert "being written by another process (pid" in pool.apply(_create, (tmp_path,))
            engine.finish(version)
            assert pool.apply(_create, (tmp_path,)) == "products-v0002"

    def test_dropping_what_was_being_written_lets_others_write(
        self, tmp_path: Path, open_: Open
    ) -> None:
        engine = open_()
        version = engine.create(IndexSchema(0, ""))
        engine.write(version, [Document(ITEMS[0])])
        engine.drop(version)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply(_create, (tmp_path,)) == "products-v0002"

    def test_versions_of_the_past_are_not_held(self, tmp_path: Path) -> None:
        """A service sees a new version every night: memory and deleted files must not add up."""
        writer, reader = (EmbeddedEngine(tmp_path, "shop", RetrievalConfig()) for _ in range(2))
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

    def test_a_version_in_the_making_is_not_listed(self, tmp_path: Path, open_: Open) -> None:
        """Another process lists the versions at any moment, also between two files."""
        engine = open_()
        version = load(engine)
        folder = tmp_path / "index" / "products"
        (folder / "v0009").mkdir()
        shutil.copy(folder / "v0001" / "schema.json", folder / "v0009")
        assert [found.name for found in engine.versions()] == [version]
        (folder / "v0009" / "generation").write_text("1", encoding="utf-8")
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            engine.versions()

    def test_a_graph_finds_nearly_the_same(
        self, open_: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(vectors, "EXACT_UP_TO", 3)
        engine = open_()
        engine.promote(load(engine))
        found = engine.retrieve(Retrieve("zzz", EAST, k=2))
        assert found.ids == ["a", "d"]
        only = Filters(terms={"brand": ("Lumen",)})
        assert engine.retrieve(Retrieve("zzz", EAST, only)).ids == ["d", "c"]

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


def _create(home: Path) -> str:
    engine: Engine = open_engine(Config(home=home))
    try:
        return engine.create(IndexSchema(0, ""))
    except EngineError as error:
        return str(error)
    finally:
        engine.close()
