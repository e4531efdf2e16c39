"""The service with its state on a Redis server: shared by workers, away, and back again."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.conftest import World
from tests.service.test_serve import start
from tests.state.redis_server import RedisServer

pytestmark = pytest.mark.slow  # real waiting and real processes


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def settings(world: World, server: RedisServer, folder: Path) -> Path:
    """Write settings that share the world's index and bundle."""
    config = folder / "serve.toml"
    config.write_text(
        f"home = {json.dumps(str(world.config.home))}\n[encoder]\ndim = 16\n"
        f'[state]\nkind = "redis"\nurl = "{server.url}"\n'
    )
    return config


def ask(address: str, body: object | None = None) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and body; each request is a connection of its own."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(response.headers), json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.load(error)


def known(address: str) -> tuple[int, set[str]]:
    """Return how much of the shopper a search knew, and the stages that failed."""
    status, _, answer = ask(f"{address}search?query=&session=shared&size=1")
    assert status == 200 and answer["hits"]
    return answer["history"], {part["stage"] for part in answer["degraded"]}


def eventually(address: str, history: int) -> None:
    """Wait until both workers, which look again after a while, know so much."""
    deadline, right = time.monotonic() + 30, 0
    while right < 8:
        assert time.monotonic() < deadline, known(address)
        right = right + 1 if known(address) == (history, set()) else 0
        if not right:
            time.sleep(0.1)


def test_workers_share_it_and_outlive_it(world: World, server: RedisServer, tmp_path: Path) -> None:
    process = start(settings(world, server, tmp_path), "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Serving on http://127.0.0.1:"), line
    address = line.split()[-1]
    event = {"item": world.items[0].id, "type": "click", "session": "shared"}
    try:
        for n in range(1, 11):
            assert ask(f"{address}events", event | {"id": str(n)})[2]["accepted"] == 1
            assert known(address) == (n, set())
        server.kill()
        for _ in range(4):
            history, failed = known(address)
            assert (history, failed) == (0, {"state"})
            status, headers, problem = ask(f"{address}events", event | {"id": "lost"})
            assert (status, problem["part"]) == (503, "state")
            assert int(headers["Retry-After"]) > 0
        status, _, ready = ask(f"{address}readyz")
        assert (status, [part["stage"] for part in ready["degraded"]]) == (200, ["state"])
        assert ask(f"{address}healthz")[0] == 200
        server.start()
        eventually(address, 10)
        server.pause()
        assert known(address) == (0, {"state"})
        server.go_on()
        eventually(address, 10)
        assert ask(f"{address}events", event | {"id": "lost"})[2]["new"] == 1
        assert known(address) == (11, set())
        assert ask(f"{address}readyz")[0] == 200
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_server_that_would_lose_events_is_told_at_the_start(world: World, tmp_path: Path) -> None:
    server = RedisServer(tmp_path, appendfsync="everysec")
    try:
        process = start(settings(world, server, tmp_path), "--port", "0")
        _, errors = process.communicate(timeout=60)
    finally:
        server.kill()
    assert process.returncode == 1
    assert "expects appendfsync always, found everysec" in errors
    assert "Traceback" not in errors
