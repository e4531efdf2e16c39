"""Gunicorn's threaded worker, telling how long requests wait, and stopping in two steps."""

from __future__ import annotations

import time
from functools import partial
from selectors import EVENT_READ
from threading import Timer
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from service.load import Load


class Worker(ThreadWorker):  # type: ignore[misc]
    """Takes a thread for a connection only once there is something to read.

    A client that connects ahead of its request would keep one waiting otherwise, and the time that
    a request waited could not be told from the time before it was sent.
    """

    load: Load | None = None
    """Set once the application is loaded."""
    drain_s = 0.0

    def accept(self, listener: Any) -> None:
        """Accept a connection and wait for its first bytes beside the others."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if isinstance(error, BlockingIOError | ConnectionAbortedError):
                return
            raise
        self.nr_conns += 1
        connection = TConn(self.cfg, client, address, listener.getsockname())
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(connection)
        follow = partial(self.on_pending_socket_readable, connection)
        self.poller.register(connection.sock, EVENT_READ, follow)

    def enqueue_req(self, conn: TConn) -> None:
        """Let a connection's request wait for a thread."""
        conn.queued_s = self.load.queued() if self.load is not None else None
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a connection's request, in a thread of its own."""
        if self.load is not None and conn.queued_s is not None:
            self.load.begun(conn.queued_s)
        return super().handle(conn)

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
