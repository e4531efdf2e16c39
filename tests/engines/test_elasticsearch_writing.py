import pytest

from tests.engines.contract import Open
from tests.engines.contract_writing import WritingContract


@pytest.mark.elasticsearch
class TestElasticsearchWriting(WritingContract):
    @pytest.fixture
    def open_(self, elastic: Open) -> Open:
        return elastic
