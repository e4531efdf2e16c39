"""The command itself, under gunicorn: several workers, real sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from search_rerank.cli import main
from search_rerank.config import parse_config
from search_rerank.errors import ConfigError, SearchRerankError
from service import runner
from tests.service.conftest import World

pytestmark = pytest.mark.slow  # real waiting and real processes

_COMMAND = [sys.executable, "-c", "from search_rerank.cli import main; main()"]


def settings(home: Path, folder: Path) -> Path:
    path = folder / "serve.toml"
    path.write_text(f"home = {json.dumps(str(home))}\n[encoder]\ndim = 16\n")
    return path


def start(config: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*_COMMAND, "--config", str(config), "serve", "--workers", "2", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture(scope="module")
def address(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    config = settings(world.config.home, tmp_path_factory.mktemp("serve"))
    process = start(config, "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Serving on http://127.0.0.1:"), line
    yield line.split()[-1]
    process.terminate()
    process.communicate(timeout=30)


def ask(address: str, body: object | None = None, method: str | None = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        found: dict[str, object] = json.load(response)
    return found


def test_any_worker_knows_what_was_posted(address: str, world: World) -> None:
    for n in range(1, 16):
        row = {"item": world.items[n].id, "type": "click", "session": "serve"}
        assert ask(f"{address}events", row)["accepted"] == 1
        # each request is a connection of its own, so that either worker may answer it
        assert ask(f"{address}search?session=serve&size=1")["history"] == n


def test_any_worker_finds_what_was_put(address: str) -> None:
    item = f"{address}items/put"
    for n in range(10):
        ask(item, {"title": f"Zanzibar kettle {n}", "price": n}, "PUT")
        # each request is a connection of its own, so that either worker may answer it
        for _ in range(3):
            (hit,) = ask(f"{address}search?query=zanzibar&size=1")["hits"]  # type: ignore[misc]
            assert hit["item"]["title"] == f"Zanzibar kettle {n}"
    assert ask(item, method="DELETE")["status"] == "written"


def test_a_long_query_of_emoji_in_an_address(address: str) -> None:
    query = urllib.parse.quote("👗" * 10_000)
    assert "hits" in ask(f"{address}search?query={query}")


def test_a_taken_port_is_told(address: str, world: World, tmp_path: Path) -> None:
    port = urllib.parse.urlsplit(address).port
    process = start(settings(world.config.home, tmp_path), "--port", str(port))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in errors
    assert "Traceback" not in errors


def test_a_host_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="cannot listen on x{64}:8000 .*label"):
        runner.check_free("x" * 64, 8000)


def test_no_index_is_told(tmp_path: Path) -> None:
    process = start(settings(tmp_path / "home", tmp_path), "--port", "0")
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert errors.startswith("Error: ") or "\nError: " in errors
    assert "Traceback" not in errors


def test_workers_that_fail_together_are_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(server: runner._Server) -> None:
        os.write(server._failures, b"the bundle is damaged\0the bundle is damaged\0")
        raise HaltServer("App failed to load.", Arbiter.APP_LOAD_ERROR)

    monkeypatch.setattr(runner._Server, "run", fail)
    with pytest.raises(SearchRerankError, match="^the bundle is damaged$"):
        runner.run(parse_config({"home": str(tmp_path), "service": {"port": 0}}))


@pytest.mark.slow
def test_a_stopped_service_frees_its_port(world: World, tmp_path: Path) -> None:
    process = start(settings(world.config.home, tmp_path), "--port", "0")
    assert process.stdout is not None
    port = int(process.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1])
    process.terminate()
    process.communicate(timeout=30)
    time.sleep(0.1)
    with pytest.raises(ConnectionRefusedError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_demo_that_cannot_be_served_touches_nothing(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        arguments = ["demo", "--home", str(home), "--port", port]
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use)" in result.stderr
    assert not home.exists()
