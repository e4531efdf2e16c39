"""The search box's contract on each engine."""

import pytest

from tests.engines.contract_scripts import ScriptsContract
from tests.engines.contract_search import OpenWith, SearchContract


class TestEmbeddedSearch(SearchContract, ScriptsContract):
    @pytest.fixture
    def open_with(self, embedded_with: OpenWith) -> OpenWith:
        return embedded_with


@pytest.mark.elasticsearch
class TestElasticsearchSearch(SearchContract, ScriptsContract):
    @pytest.fixture
    def open_with(self, elastic_with: OpenWith) -> OpenWith:
        return elastic_with
