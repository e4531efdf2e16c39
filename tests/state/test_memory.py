from __future__ import annotations

import pytest

from search_rerank.state.base import State
from search_rerank.state.memory import MemoryState
from tests.state.contract import GAINS, StateContract
from tests.state.contract_log_in import LogInContract
from tests.state.contract_queries import OwnQueriesContract


class TestMemoryState(StateContract, LogInContract, OwnQueriesContract):
    @pytest.fixture
    def state(self) -> State:
        return MemoryState(GAINS)
