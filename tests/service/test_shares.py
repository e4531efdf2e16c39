"""New connections go to the worker that has fewest."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger

from service.runner import _Server
from service.shares import Place, Shares
from service.worker import Worker
from tests.service.conftest import World
from tests.service.test_serve import settings, start


def worker(place: Place | None, listener: socket.socket) -> Any:
    config = Settings()
    config.set("threads", 4)
    found: Any = Worker(1, os.getppid(), [listener], None, 30, config, Logger(config))
    found.place = place

    class Poller:
        def register(self, *_: object) -> None: ...

        unregister = register

    found.poller = Poller()
    found.set_accept_enabled(True)
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def client(listener: socket.socket) -> Iterator[socket.socket]:
    with socket.create_connection(listener.getsockname()) as connection:
        yield connection


def test_the_fewest_are_those_of_workers_that_take_some() -> None:
    shares = Shares()
    first, second, third = (shares.take() for _ in range(3))
    assert first.fewest == 0
    first.tell(3)
    second.tell(5)
    assert third.fewest == 3
    first.leave()
    assert third.fewest == 5
    second.end()
    assert third.fewest == 0
    assert len({id(shares.take()) for _ in range(200)}) <= 200


def test_a_place_is_given_back() -> None:
    shares = Shares()
    for _ in range(1_000):
        shares.take().end()


def test_a_service_without_a_place_left_starts_workers(world: World) -> None:
    server = _Server(world.config, 0, lambda: None, 0)
    workers = [SimpleNamespace(place=None) for _ in range(300)]
    for one in workers:
        server._place(None, one)
    assert workers[0].place is not None and workers[-1].place is None
    workers[0].place.end()
    server._place(None, workers[-1])
    assert workers[-1].place is not None


def test_a_forked_process_tells_the_others() -> None:
    shares = Shares()
    mine, other = shares.take(), shares.take()
    mine.tell(9)
    child = os.fork()
    if child == 0:
        other.tell(4)
        os._exit(0)
    os.waitpid(child, 0)
    assert mine.fewest == 4


@pytest.mark.usefixtures("client")
def test_a_connection_is_left_to_who_has_fewer(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = Shares()
    busy, free = worker(shares.take(), listener), worker(shares.take(), listener)
    busy.nr_conns = 2
    assert not busy.accept(listener)
    assert free.accept(listener) and free.nr_conns == 1
    assert not busy.accept(listener)  # it is gone


@pytest.mark.usefixtures("client")
def test_it_is_taken_where_the_other_does_not_come(listener: socket.socket) -> None:
    shares = Shares()
    busy = worker(shares.take(), listener)
    worker(shares.take(), listener)
    busy.nr_conns = 2
    tries = 1
    while not busy.accept(listener):
        tries += 1
        assert tries < 1_000
    assert tries > 1 and busy.nr_conns == 3


@pytest.mark.usefixtures("client")
def test_who_stops_takes_what_waits_and_is_not_counted(listener: socket.socket) -> None:
    shares = Shares()
    busy, free = worker(shares.take(), listener), worker(shares.take(), listener)
    busy.nr_conns, free.nr_conns = 2, 1
    busy.alive = False
    busy.set_accept_enabled(False)
    assert busy.nr_conns == 3
    assert shares.take().fewest == 1


@pytest.mark.usefixtures("client")
def test_a_worker_alone_takes_all(listener: socket.socket) -> None:
    alone = worker(None, listener)
    alone.nr_conns = 100
    assert alone.accept(listener)


def test_a_client_is_sent_to_who_has_fewer_now_and_then(listener: socket.socket) -> None:
    shares = Shares()
    busy, free = worker(shares.take(), listener), worker(shares.take(), listener)
    usual = free.max_keepalived
    assert usual > 0
    busy.nr_conns, free.nr_conns = 3, 2
    assert busy.max_keepalived == usual
    busy.nr_conns = 4
    assert [busy.max_keepalived, busy.max_keepalived] == [0, usual]
    assert free.max_keepalived == usual
    free.set_accept_enabled(False)  # nobody else takes any
    busy._sent_s = 0.0
    assert busy.max_keepalived == usual


@pytest.mark.slow
def test_kept_connections_are_spread_over_the_workers(world: World, tmp_path: Path) -> None:
    process = start(settings(world.config.home, tmp_path), "--port", "0", "--workers", "2")
    assert process.stdout is not None
    address = urlsplit(process.stdout.readline().split()[-1]).netloc
    try:
        until_s = time.monotonic() + 60
        # of eight; a busy machine may be late, and close some while they are counted
        while len(workers := asked(address)) < 2 or min(spread(address, workers)) < 3:
            assert time.monotonic() < until_s, "not even once both workers take connections"
            time.sleep(0.5)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def asked(address: str) -> list[int]:
    """Return the process ids of the workers that are there."""
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("GET", "/bundles")
    found = json.load(connection.getresponse())["workers"]
    connection.close()
    return sorted(worker["pid"] for worker in found)


def spread(address: str, workers: list[int]) -> list[int]:
    """Return how many of eight connections that are kept each worker has."""
    before = [sockets(pid) for pid in workers]
    connections = [http.client.HTTPConnection(address, timeout=30) for _ in range(8)]
    for connection in connections:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    found = [sockets(pid) - n for pid, n in zip(workers, before, strict=True)]
    for connection in connections:
        connection.close()
    return found


def sockets(pid: int) -> int:
    """Return how many sockets a process has open."""
    count = 0
    for path in Path(f"/proc/{pid}/fd").iterdir():
        try:
            count += path.readlink().name.startswith("socket:")
        except FileNotFoundError:  # closed meanwhile
            continue
    return count
