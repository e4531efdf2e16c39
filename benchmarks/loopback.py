"""A lean HTTP client for one connection kept alive, and closed loops of several of them.

The client shares the cores with what it measures: it does nothing but send bytes that were made
before and read the answer.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from time import perf_counter
from typing import Any, Self

import orjson

from benchmarks.common import percentiles

Request = bytes


def get(path: str) -> Request:
    """Return a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: object, method: str = "POST") -> Request:
    """Return a request with a JSON body."""
    data = orjson.dumps(body)
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


class Client:
    """One connection; it is opened anew where the server has closed it."""

    def __init__(self, port: int, timeout_s: float = 30.0) -> None:
        self._port, self._timeout_s = port, timeout_s
        self._socket: socket.socket | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, request: Request) -> tuple[int, bytes]:
        """Return the status and the body of the answer."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._rest = b""
        try:
            self._socket.sendall(request)
            return self._answer(self._socket)
        except OSError:
            self.close()
            raise

    def get(self, path: str) -> tuple[int, bytes]:
        """Send a GET request."""
        return self.send(get(path))

    def post(self, path: str, body: object) -> tuple[int, Any]:
        """Send JSON and return the status and the decoded answer."""
        status, answer = self.send(post(path, body))
        return status, orjson.loads(answer)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _answer(self, connection: socket.socket) -> tuple[int, bytes]:
        data = self._rest
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more(connection)
        head, data = data[:end].lower(), data[end + 4 :]
        marker = head.index(b"content-length:") + 15
        size = int(head[marker:].split(b"\r\n", 1)[0])
        while len(data) < size:
            data += self._more(connection)
        self._rest = data[size:]
        if b"connection: close" in head:
            self.close()
        return int(head[9:12]), data[:size]

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        more = connection.recv(1 << 18)
        if not more:
            raise ConnectionError("the server closed the connection")
        return more


@dataclass
class Loop:
    """What came of a closed loop: each client sends its next request once it has its answer.

    Parameters
    ----------
    took_ms
        Of each request that was answered.
    seconds
        How long all of it took.
    statuses
        Status to how often it was answered; 0 where the connection broke.
    """

    took_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """Answers of another status than 2xx, and broken connections."""
        return sum(count for status, count in self.statuses.items() if status // 100 != 2)

    def row(self, system: str) -> dict[str, Any]:
        """Return the row of a table."""
        rate = len(self.took_ms) / self.seconds
        return {
            "system": system,
            **percentiles(self.took_ms),
            "per_s": rate,
            "requests": len(self.took_ms),
            "errors": self.errors,
        }


def closed_loop(port: int, requests: Sequence[Sequence[Request]], warm: int = 50) -> Loop:
    """Send each client's requests one after another, all clients at once.

    Parameters
    ----------
    requests
        Of each client; all are made before the first is sent.
    warm
        So many of the first requests of each are sent before and not counted.
    """
    for own in requests:
        with Client(port) as client:
            for request in own[:warm]:
                client.send(request)
    loops = [Loop() for _ in requests]
    start = perf_counter()
    threads = [
        Thread(target=_run, args=(port, own[warm:], loop))
        for own, loop in zip(requests, loops, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return merged(loops, perf_counter() - start)


def timed_loop(port: int, make: Callable[[int], Request], until_s: float) -> Loop:
    """Send requests, made from their number, one after another until `perf_counter` passes."""
    loop, n = Loop(), 0
    with Client(port) as client:
        while perf_counter() < until_s:
            _one(client, make(n), loop)
            n += 1
    return loop


def merged(loops: Sequence[Loop], seconds: float) -> Loop:
    """Return what several loops, which ran at the same time, came to."""
    statuses: dict[int, int] = {}
    for loop in loops:
        for status, count in loop.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    return Loop([took for loop in loops for took in loop.took_ms], seconds, statuses)


def _run(port: int, requests: Sequence[Request], loop: Loop) -> None:
    with Client(port) as client:
        for request in requests:
            _one(client, request, loop)


def _one(client: Client, request: Request, loop: Loop) -> None:
    start = perf_counter()
    try:
        status, _ = client.send(request)
        loop.took_ms.append((perf_counter() - start) * 1000)
    except OSError:
        status = 0
    loop.statuses[status] = loop.statuses.get(status, 0) + 1
