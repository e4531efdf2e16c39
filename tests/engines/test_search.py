"""The search box's contract on each engine."""

import numpy as np
import pytest

from search_rerank.data.item import parse_item
from search_rerank.engines.base import Retrieve
from search_rerank.engines.embedded import snapshot
from tests.engines.contract_scripts import ScriptsContract
from tests.engines.contract_search import EAST, PLAIN, OpenWith, SearchContract, made


class TestEmbeddedSearch(SearchContract, ScriptsContract):
    @pytest.fixture
    def open_with(self, embedded_with: OpenWith) -> OpenWith:
        return embedded_with

    @pytest.mark.parametrize("collapse", [False, True])
    def test_scores_asked_for_late_are_those_listed(
        self, open_with: OpenWith, monkeypatch: pytest.MonkeyPatch, collapse: bool
    ) -> None:
        """With k = 4 nearly all items near in meaning are in no list of words."""
        rows = [
            {"id": f"{n:02d}", "title": "cup " * (n % 5) + "lid", "group_id": f"g{n % 15}"}
            for n in range(30)
        ]
        engine = made(open_with(PLAIN), [parse_item(row) for row in rows])
        request = Retrieve("cup", EAST, k=4, collapse=collapse)
        listed = engine.retrieve(request)
        monkeypatch.setattr(snapshot, "_LISTED", 1)
        asked = engine.retrieve(request)
        assert listed.ids == asked.ids
        assert listed.total == asked.total == 24
        np.testing.assert_array_equal(listed.lexical, asked.lexical)
        np.testing.assert_array_equal(listed.score, asked.score)


@pytest.mark.elasticsearch
class TestElasticsearchSearch(SearchContract, ScriptsContract):
    @pytest.fixture
    def open_with(self, elastic_with: OpenWith) -> OpenWith:
        return elastic_with
