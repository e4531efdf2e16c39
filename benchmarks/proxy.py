"""A TCP proxy on loopback that can be cut: what stands behind it seems to die and to come back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread


class Proxy:
    """Passes bytes on between its own port and another.

    Parameters
    ----------
    host, port
        Where they are passed on to.
    own_port
        Where it listens, a free port by default.
    """

    def __init__(self, host: str, port: int, own_port: int = 0) -> None:
        self._target = host, port
        self._lock = Lock()
        self._open: list[socket.socket] = []
        self._passing = Event()
        self._passing.set()
        self._listener = self._bound(own_port)
        self.port: int = self._listener.getsockname()[1]
        self._accept()

    def cut(self) -> None:
        """Refuse connections and end those that are open, as a process that was killed does."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            gone, self._open = self._open, []
        for one in gone:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def hang(self) -> None:
        """Pass nothing on, as a process that was stopped does."""
        self._passing.clear()

    def mend(self) -> None:
        """Pass bytes on again."""
        self._passing.set()
        if self._listener.fileno() < 0:
            self._listener = self._bound(self.port)
            self._accept()

    @staticmethod
    def _bound(port: int) -> socket.socket:
        return socket.create_server(("127.0.0.1", port), reuse_port=True)

    def _accept(self) -> None:
        Thread(target=self._accepting, args=(self._listener,), daemon=True).start()

    def _accepting(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            with self._lock:
                self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self._passing.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(host: str, port: int, own_port: int = 0) -> Iterator[Proxy]:
    """Give a proxy for the time of the block."""
    proxy = Proxy(host, port, own_port)
    try:
        yield proxy
    finally:
        proxy.mend()
        proxy.cut()
