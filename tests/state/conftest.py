"""One Redis server for all tests of a session that need none of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.state.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()
