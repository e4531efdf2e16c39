from __future__ import annotations

import pytest

from search_rerank.state.base import State
from search_rerank.state.memory import MemoryState
from tests.state.contract import GAINS, StateContract


class TestMemoryState(StateContract):
    @pytest.fixture
    def state(self) -> State:
        return MemoryState(GAINS)
