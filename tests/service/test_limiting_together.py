"""With a state on Redis the workers of all machines count a key's requests together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search_rerank.config import parse_config
from service.limiting import Limiting
from tests.service.test_limiting import key
from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    found = RedisServer(tmp_path)
    yield found
    found.kill()


def limiting(server: RedisServer) -> Limiting:
    state = {"kind": "redis", "url": server.url, "timeout_s": 0.3}
    return Limiting(
        parse_config({"state": state, "service": {"workers": 4}, "access": {"per_minute": 8}})
    )


def test_workers_count_together(server: RedisServer) -> None:
    workers = [limiting(server) for _ in range(4)]
    waits = [workers[n % 4].wait_s(key("a")) for n in range(12)]
    # where the minute of the clock ends in between, some more are let through
    assert waits[:8] == [0] * 8
    assert all(0 < wait <= 60 for wait in waits[-1:])
    assert workers[0].wait_s(key("b")) == 0


def test_where_the_server_is_away_each_counts_for_itself(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = limiting(server), limiting(server)
    server.kill()
    for worker in (one, other):
        assert [worker.wait_s(key("a")) > 0 for _ in range(3)] == [False, False, True]
    assert caplog.text.count("each worker counts requests for itself for now") == 2
