from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from search_rerank.state.base import State
from search_rerank.state.redis.state import RedisState
from tests.state.contract import GAINS, StateContract
from tests.state.redis_server import RedisServer


class TestRedisState(StateContract):
    @pytest.fixture
    def state(self, redis_server: RedisServer) -> Iterator[State]:
        state = RedisState(GAINS, redis_server.url, prefix=uuid4().hex)
        yield state
        state.close()
