"""A Redis server of the tests' own: on a free port, in a folder of its own, ended by its id."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest
import redis

from search_rerank.state.redis.state import RedisState
from tests.state.contract import GAINS

opened = partial(RedisState, GAINS, timeout_s=30.0)
"""Opens a state, with time for a machine that is busy with other tests."""


class RedisServer:
    """Started at once; `settings` are added to the command line as ``--name value``."""

    def __init__(self, folder: Path, tls: bool = False, **settings: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("no redis-server: apt-get install redis-server, or make test as root")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"{'rediss' if tls else 'redis'}://127.0.0.1:{self.port}/0"
        given = {"appendonly": "yes", "appendfsync": "always"} | settings
        given |= {"port": "0", "tls-port": str(self.port)} if tls else {"port": str(self.port)}
        options = [
            part for name, value in given.items() for part in (f"--{name}", *value.split(" "))
        ]
        self._command = [
            program, "--bind", "127.0.0.1", "--dir", str(folder),
            "--save", "", "--loglevel", "warning", *options,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it, again on the same port, and wait until it listens and has read its files."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(20)

    def pause(self) -> None:
        """Let it hang: it takes connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as wire:
                if self.url.startswith("rediss"):
                    return True
                wire.sendall(b"PING\r\n")
                return wire.recv(32).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


def raw(server: RedisServer) -> redis.Redis:
    """Return a client that does as a test says."""
    return redis.Redis.from_url(server.url, socket_timeout=60)
