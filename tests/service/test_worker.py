"""A thread that has answered, and the next request of its connection."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from search_rerank.config import Config
from service.load import Load
from service.runner import _THREADS
from service.worker import Worker, _Connection
from tests.service.conftest import World
from tests.service.test_stopping import serving


class Asked:
    """A worker of four threads, and a connection on which a client may ask again."""

    def __init__(self) -> None:
        settings = Settings()
        settings.set("threads", 4)
        self.worker: Any = Worker(1, os.getppid(), [], None, 30, settings, Logger(settings))
        self.worker.load = Load(Config())
        self.client, sock = socket.socketpair()
        unreader = SimpleNamespace(buf=BytesIO())
        self.connection = SimpleNamespace(sock=sock, parser=SimpleNamespace(unreader=unreader))

    def goes_on(self) -> bool:
        found: bool = self.worker._goes_on(self.connection)
        return found


@pytest.fixture
def asked() -> Iterator[Asked]:
    found = Asked()
    yield found
    found.client.close()
    found.connection.sock.close()


def test_a_thread_goes_on_with_who_asks_again(asked: Asked) -> None:
    assert not asked.goes_on()
    asked.client.send(b"GET")
    assert asked.goes_on() and asked.worker._staying == 0


def test_it_turns_to_whoever_waits_for_a_thread(asked: Asked) -> None:
    asked.client.send(b"GET")
    queued_s = asked.worker.load.queued()
    assert not asked.goes_on()
    asked.worker.load.begun(queued_s)
    assert asked.goes_on()


def test_half_of_the_threads_stay_at_most(asked: Asked) -> None:
    asked.client.send(b"GET")
    asked.worker._staying = 1
    assert asked.goes_on()
    asked.worker._staying = 2
    assert not asked.goes_on()


def test_none_stays_once_the_worker_stops(asked: Asked) -> None:
    asked.client.send(b"GET")
    asked.worker.alive = False
    assert not asked.goes_on()


def test_what_follows_did_not_wait(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    load = asked.worker.load
    waits, left_s = iter([0.0, 0.4]), []

    def handle(*_: object) -> bool:
        left_s.append(load.deadline("1000").left_s)
        return len(left_s) < 2

    monkeypatch.setattr(ThreadWorker, "handle", handle)
    load._clock = lambda: next(waits, 0.4)
    asked.connection.queued_s = load.queued()
    asked.client.send(b"GET")
    asked.worker.handle(asked.connection)
    assert left_s == pytest.approx([0.6, 1.0])


def test_what_was_read_ahead_goes_its_usual_way(asked: Asked) -> None:
    asked.client.send(b"GET")
    asked.connection.parser.unreader.buf.write(b"GET")
    assert not asked.goes_on()


@pytest.mark.slow
def test_who_reads_no_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.worker._SILENT_S", 1)
    client, sock = socket.socketpair()
    connection: Any = _Connection(Settings(), sock, ("", 0), ("", 0))
    connection.init()
    with client, sock, pytest.raises(BlockingIOError):
        while True:
            sock.sendall(bytes(1_000_000))


@pytest.mark.slow
def test_more_connections_than_threads_are_all_served(world: World, tmp_path: Path) -> None:
    def ask(address: str) -> list[int]:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        found = []
        for _ in range(50):
            connection.request("GET", "/healthz")
            with connection.getresponse() as response:
                response.read()
                found.append(response.status)
        connection.close()
        return found

    with serving(world, tmp_path) as (address, _), ThreadPoolExecutor(3 * _THREADS) as clients:
        found = list(clients.map(ask, [address] * 3 * _THREADS))
    assert found == [[200] * 50] * 3 * _THREADS


@pytest.mark.slow
@pytest.mark.parametrize(
    "said",
    [
        b"GET /search?q=la",
        b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 99\r\n\r\n{"query"',
    ],
    ids=["half a request", "half a body"],
)
def test_clients_that_stop_hold_no_thread_for_good(
    world: World, tmp_path: Path, said: bytes
) -> None:
    with serving(world, tmp_path, "workers = 1") as (address, _), ExitStack() as kept:
        host, port = urlsplit(address).netloc.split(":")
        for _ in range(_THREADS):
            client = kept.enter_context(socket.socket())
            client.connect((host, int(port)))
            client.sendall(said)
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
