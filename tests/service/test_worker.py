"""A thread that has answered, and the next request of its connection."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger

from search_rerank.config import Config
from service.load import Load
from service.runner import _THREADS
from service.worker import Worker
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


def test_what_was_read_ahead_goes_its_usual_way(asked: Asked) -> None:
    asked.client.send(b"GET")
    asked.connection.parser.unreader.buf.write(b"GET")
    assert not asked.goes_on()


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
