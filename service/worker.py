"""Gunicorn's threaded worker, telling how long requests wait, and stopping in two steps."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from threading import Timer
from typing import Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from service.load import Load
from service.shares import Place

BACKLOG = 512
"""Connections that may wait to be accepted."""
_SILENT_S = 5
"""How long a thread waits for a client in the middle of a request, or of an answer."""
_LINGER_S = 2.0
_LINGER_BYTES = 65_536
_LEAVES_S = 0.01
"""How long a new connection is left to a worker that has fewer, which may be busy."""
_LOOKS_S = 0.0005
_SENDS_S = 0.05
"""How often at most a client is sent to a worker that has fewer."""
_STAY_MS = 2
"""How long a thread that has answered waits for the next request of its connection."""


class _Reader(SocketUnreader):  # type: ignore[misc]
    """Takes a client that says nothing for too long as one that has gone."""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return what comes next, nothing where nothing does."""
        try:
            found: bytes = super().chunk(size_hint)
        except BlockingIOError:
            return b""
        return found


class _Connection(TConn):  # type: ignore[misc]
    """A connection whose client is waited for beside the others once it was told the end.

    Gunicorn waits in the thread that accepts and hands out requests: a client that does not close
    its side would hold up all others. A thread that reads a request or writes an answer it would
    leave to a client that stops for as long as that likes.
    """

    end: Callable[[socket.socket], None]

    def init(self) -> None:
        """Make its parser, before its first request."""
        if self.initialized:
            return
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.sock.setsockopt(socket.SOL_SOCKET, way, struct.pack("ll", _SILENT_S, 0))
        super().init()
        self.parser.unreader = _Reader(self.sock)

    def close(self, graceful: bool = False) -> None:
        """Close it; `graceful` where an answer may still be on its way."""
        if graceful:
            self.end(self.sock)
        else:
            super().close()


class Worker(ThreadWorker):  # type: ignore[misc]
    """Takes a thread for a connection only once there is something to read.

    A client that connects ahead of its request would keep one waiting otherwise, and the time that
    a request waited could not be told from the time before it was sent.
    """

    load: Load | None = None
    """Set once the application is loaded."""
    drain_s = 0.0
    place: Place | None = None
    """Where it tells how many connections it has; None where it is the only worker."""
    _connections = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lingering: dict[socket.socket, tuple[float, int]] = {}
        """Socket to until when it may linger, and how many bytes it may send yet."""
        self._staying = 0
        """Threads that wait for the next request of a connection, about so many."""
        self._left_since_s: float | None = None
        self._sent_s = 0.0

    @property
    def nr_conns(self) -> int:
        """How many connections it has, as gunicorn counts them."""
        return self._connections

    @nr_conns.setter
    def nr_conns(self, connections: int) -> None:
        self._connections = connections
        if self.place is not None and self._accepting:
            self.place.tell(connections)

    @property
    def max_keepalived(self) -> int:
        """How many connections are kept: none now, where another worker should have some.

        After a restart all of them lie with whoever was there first. One that is closed behind its
        answer comes again, and goes to the worker that has fewest.
        """
        return 0 if self._sends_away() else self._max_keepalived

    @max_keepalived.setter
    def max_keepalived(self, connections: int) -> None:
        self._max_keepalived = connections

    def _sends_away(self) -> bool:
        place, now_s = self.place, time.monotonic()
        if place is None or now_s - self._sent_s < _SENDS_S or self.nr_conns <= place.fewest + 1:
            return False
        self._sent_s = now_s
        return True

    def accept(self, listener: Any) -> bool:
        """Accept a connection and wait for its first bytes beside the others.

        Returns False where there is none, or another worker should have it.
        """
        if self._leaves_it():
            time.sleep(_LOOKS_S)
            return False
        try:
            client, address = listener.accept()
        except BlockingIOError:
            return False
        except ConnectionAbortedError:
            return True
        self.nr_conns += 1
        connection = _Connection(self.cfg, client, address, listener.getsockname())
        connection.end = self._linger
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(connection)
        follow = partial(self.on_pending_socket_readable, connection)
        self.poller.register(connection.sock, EVENT_READ, follow)
        return True

    def _leaves_it(self) -> bool:
        """Return whether to leave a connection for now to a worker that has fewer.

        All of them wake for it: while it is there the others have not come to it.
        """
        place = self.place
        if not self.alive or place is None or self.nr_conns <= place.fewest:
            self._left_since_s = None
            return False
        now_s = time.monotonic()
        if self._left_since_s is None or now_s - self._left_since_s > 2 * _LEAVES_S:
            self._left_since_s = now_s  # this one, and no other that was there before
        return now_s - self._left_since_s < _LEAVES_S

    def set_accept_enabled(self, enabled: bool) -> None:
        """Listen, or do not; a worker that stops takes what waits and listens no more.

        The system has told those clients that they are connected, and would reset them once the
        last worker has gone: who comes now is refused, and may go elsewhere.
        """
        super().set_accept_enabled(enabled)
        if self.place is not None:
            if enabled:
                self.place.tell(self.nr_conns)
            else:
                self.place.leave()
        if enabled or self.alive:
            return
        for listener in self.sockets:
            for _ in range(BACKLOG):
                if not self.accept(listener):
                    break
            listener.close()

    def enqueue_req(self, conn: TConn) -> None:
        """Let a connection's request wait for a thread."""
        conn.queued_s = self.load.queued() if self.load is not None else None
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a connection's request, in a thread of its own, and those that follow at once.

        Whoever asks again and again is spared the way through the thread that hands out requests.
        """
        if self.load is not None and conn.queued_s is not None:
            self.load.begun(conn.queued_s)
        kept = super().handle(conn)
        while kept is True and self._goes_on(conn):
            if self.load is not None:
                self.load.goes_on()
            kept = super().handle(conn)
        return kept

    def _goes_on(self, conn: TConn) -> bool:
        """Return whether the next request of a connection is there, or comes in a moment.

        Nobody else may want the thread: half of them are left to others, whose requests come first.
        """
        others = self.load is not None and self.load.waiting
        if others or not self.alive or self._staying >= self.cfg.threads // 2:
            return False
        if conn.parser.unreader.buf.getvalue():  # what was read ahead goes its usual way
            return False
        self._staying += 1
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        try:
            return bool(poll.poll(_STAY_MS))
        finally:
            self._staying -= 1

    def handle_exit(self, sig: int, frame: object) -> None:
        """Say that the service stops, and stop once others had time to hear of it."""
        if self.load is not None:
            self.load.stopping = True
        if not self.drain_s:
            super().handle_exit(sig, frame)
            return
        timer = Timer(self.drain_s, super().handle_exit, (sig, frame))
        timer.daemon = True
        timer.start()

    def murder_pending(self) -> None:
        """Close connections that have said nothing, or not closed their side, for too long."""
        super().murder_pending()
        now = time.monotonic()
        for sock in [sock for sock, (until, _) in self._lingering.items() if until <= now]:
            self._ended(sock)

    def _cap_keepalive(self, deadline: float) -> None:
        """Close by a moment what is kept alive, and what has not begun to say anything."""
        super()._cap_keepalive(deadline)
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, deadline)

    def _linger(self, sock: socket.socket) -> None:
        """Say that nothing more comes, and wait for the client to close its side (RFC 9112, 9.6).

        A socket that is closed before all was read from it is reset, and the end of the answer
        may be lost.
        """
        try:
            sock.shutdown(socket.SHUT_WR)
            sock.setblocking(False)
            self.poller.register(sock, EVENT_READ, self._read_on)
        except (OSError, ValueError):
            sock.close()
            return
        self.nr_conns += 1
        self._lingering[sock] = time.monotonic() + _LINGER_S, _LINGER_BYTES

    def _read_on(self, sock: socket.socket) -> None:
        try:
            read = len(sock.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            read = 0
        until, left = self._lingering[sock]
        self._lingering[sock] = until, left - read
        if not read or read >= left:
            self._ended(sock)

    def _ended(self, sock: socket.socket) -> None:
        del self._lingering[sock]
        self.nr_conns -= 1
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(sock)
        sock.close()
