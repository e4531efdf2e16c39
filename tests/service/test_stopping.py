"""A service that is stopped, and workers that die, under gunicorn."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.service.conftest import World
from tests.service.test_serve import ask, settings, start

pytestmark = pytest.mark.slow  # real waiting and real processes
_BODY = json.dumps({"query": "shoes", "user": "u00000", "size": 3}).encode()
T = TypeVar("T")


@contextmanager
def serving(
    world: World, folder: Path, more: str = ""
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    config = settings(world.config.home, folder)
    config.write_text(f"{config.read_text()}[service]\n{more}\n")
    process = start(config, "--port", "0")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Serving on http://127.0.0.1:"), line
    try:
        yield line.split()[-1], process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def running(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with serving(world, tmp_path_factory.mktemp("running")) as found:
        yield found


def begun(address: str) -> http.client.HTTPConnection:
    """Send a search but for the end of its body."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=30)
    connection.putrequest("POST", "/search")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(len(_BODY)))
    connection.endheaders(_BODY[:-5])
    return connection


def ended(connection: http.client.HTTPConnection) -> int:
    """Send the rest, and return how many hits the answer has."""
    connection.send(_BODY[-5:])
    with connection.getresponse() as response:
        assert response.status == 200
        return len(json.load(response)["hits"])


def test_requests_under_way_are_answered_before_it_stops(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path) as (address, process):
        under_way = [begun(address) for _ in range(4)]
        time.sleep(0.5)  # for the workers to have begun with them
        process.terminate()
        time.sleep(1)
        assert process.poll() is None
        assert [ended(connection) for connection in under_way] == [3] * 4
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in errors


def test_connections_that_wait_when_it_stops_are_answered(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path) as (address, process):
        workers = children(process)
        for worker in workers:
            os.kill(worker, signal.SIGSTOP)
        waiting = [begun(address) for _ in range(24)]
        for connection in waiting[:20]:  # of the others the end comes while it stops
            connection.send(_BODY[-5:])
        silent = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc)
        silent.connect()
        process.terminate()
        time.sleep(0.5)
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
        answers = [connection.getresponse() for connection in waiting[:20]]
        assert {response.status for response in answers} == {200}
        until(lambda: refused(address))
        assert [ended(connection) for connection in waiting[20:]] == [3] * 4
        # who says nothing is not waited for as long as who kept a connection
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert silent.sock.recv(1) == b""


def test_a_stop_is_told_before_it_comes(world: World, tmp_path: Path) -> None:
    with serving(world, tmp_path, "drain_s = 3") as (address, process):
        assert ask(f"{address}readyz")["status"] == "ready"
        process.terminate()
        time.sleep(0.5)
        told = []
        for _ in range(6):  # either worker may be asked
            connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc)
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            told.append((response.status, json.load(response).get("part")))
            assert ask(f"{address}search?query=shoes&size=3")["hits"]
        assert told == [(503, "stopping")] * 6
        process.communicate(timeout=30)
        assert process.returncode == 0


def children(process: subprocess.Popen[str]) -> list[int]:
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def test_a_worker_that_dies_is_replaced(running: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = running
    before = children(process)
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    end = time.monotonic() + 30
    while len(set(children(process)) - set(before)) < 1 and time.monotonic() < end:
        time.sleep(0.1)
    assert len(children(process)) == 2
    for _ in range(10):
        assert ask(f"{address}search?query=shoes&size=3")["hits"]


def test_a_worker_that_cannot_open_its_parts_does_not_end_the_service(
    world: World, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(world.config.home, home)
    config = settings(home, tmp_path)
    process = start(config, "--port", "0")
    assert process.stdout is not None
    address = process.stdout.readline().split()[-1]
    try:
        for worker in children(process):
            ask(f"{address}healthz")
            if (home / "index").exists():
                (home / "index").rename(home / "elsewhere")
            os.kill(worker, signal.SIGKILL)
        time.sleep(3)
        assert process.poll() is None
        assert ask(f"{address}healthz")["status"] == "ok"
        (home / "elsewhere").rename(home / "index")
        time.sleep(2)
        assert ask(f"{address}search?query=shoes&size=3")["hits"]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_worker_that_begins_with_a_damaged_bundle_keeps_the_engine_s_order(
    world: World, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(world.config.home, home)
    (catalogue,) = home.glob("bundles/*/catalogue.npz")
    whole = catalogue.read_bytes()
    world = replace(world, config=world.config.model_copy(update={"home": home}))
    with serving(world, tmp_path) as (address, process):
        catalogue.write_bytes(b"damaged")
        for worker in children(process):
            os.kill(worker, signal.SIGKILL)

        def told() -> list[str]:
            found = ask(f"{address}search?query=shoes&size=3")
            assert found["hits"]
            degraded: Any = found["degraded"]
            return [part["stage"] for part in degraded]

        until(lambda: len(answers(told)) == 5)
        assert all("bundle" in one for one in answers(told))
        catalogue.write_bytes(whole)
        until(lambda: answers(told) == [[]] * 5)


def answers(ask_: Callable[[], T]) -> list[T]:
    """Ask five times; a worker that was killed answers nothing."""
    found = []
    for _ in range(5):
        with suppress(OSError):
            found.append(ask_())
    return found


def refused(address: str) -> bool:
    parts = urllib.parse.urlsplit(address)
    try:
        socket.create_connection((parts.hostname, parts.port)).close()
    except ConnectionRefusedError:
        return True
    return False


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_client_that_does_not_close_its_side_holds_up_nobody(
    running: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = running
    parts = urllib.parse.urlsplit(address)
    left = []
    for _ in range(40):  # each of them is waited for 2 seconds
        connection = socket.create_connection((parts.hostname, parts.port))
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        left.append(connection)
    with urllib.request.urlopen(f"{address}search?query=shoes", timeout=15) as response:
        assert response.status == 200
    for connection in left:
        with connection, connection.makefile("rb") as answer:
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
            assert answer.read().endswith(b'{"status":"ok"}\n')


def test_a_client_that_connects_and_says_nothing_takes_no_thread(
    running: tuple[str, subprocess.Popen[str]],
) -> None:
    address, _ = running
    parts = urllib.parse.urlsplit(address)
    silent = [socket.create_connection((parts.hostname, parts.port)) for _ in range(40)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ask(f"{address}search?query=shoes&size=3"), range(12)))
    assert all(one["hits"] for one in found)
    assert max(one["took_ms"] for one in found) < 5000  # type: ignore[type-var]
    for connection in silent:
        connection.close()
