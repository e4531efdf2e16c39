"""The search box's contract on each engine."""

import numpy as np
import pytest

from search_rerank.config import RetrievalConfig
from search_rerank.data.item import parse_item
from search_rerank.engines.base import Document, IndexSchema, Retrieve
from search_rerank.engines.embedded import fused
from tests.engines.contract_scripts import ScriptsContract
from tests.engines.contract_search import EAST, OpenWith, SearchContract


class TestEmbeddedSearch(SearchContract, ScriptsContract):
    @pytest.fixture
    def open_with(self, embedded_with: OpenWith) -> OpenWith:
        return embedded_with

    @pytest.mark.parametrize("behind", [100, 2, 0])
    def test_what_is_near_has_its_word_score_though_no_list_had_it(
        self, open_with: OpenWith, monkeypatch: pytest.MonkeyPatch, behind: int
    ) -> None:
        """The nearest have the fewest `cup`, the vectors decide, and only 4 word hits are taken."""
        engine = open_with(RetrievalConfig(vector_weight=10_000.0))
        version = engine.create(IndexSchema(2, "two-d"))
        for n in range(30):
            item = parse_item({"id": f"{n:02d}", "title": "cup " * n + "lid"})
            vector = np.array([np.cos(n / 30), np.sin(n / 30)], dtype=np.float32)
            engine.write(version, [Document(item, vector)])
        engine.seal(version)
        every = engine.retrieve(Retrieve("cup", EAST, k=30), version)
        monkeypatch.setattr(fused, "_BEHIND", behind)
        found = engine.retrieve(Retrieve("cup", EAST, k=4), version)
        assert (found.ids, found.total) == (["00", "01", "02", "03"], 29)
        assert found.lexical.tolist() == every.lexical[:4].tolist()
        assert (found.lexical > 0).tolist() == [False, True, True, True]


@pytest.mark.elasticsearch
class TestElasticsearchSearch(SearchContract, ScriptsContract):
    @pytest.fixture
    def open_with(self, elastic_with: OpenWith) -> OpenWith:
        return elastic_with
