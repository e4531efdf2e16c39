"""Running the service under gunicorn, on a socket that is bound before anything else starts."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import click
import gunicorn.http.message
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer
from threadpoolctl import threadpool_limits

from search_rerank.config import Config
from search_rerank.errors import ConfigError, SearchRerankError
from search_rerank.query import Query
from service.access import check_access
from service.app import create_app
from service.metrics_workers import counted_together, ended
from service.shares import Shares
from service.worker import BACKLOG, Worker

logger = logging.getLogger(__name__)
_THREADS = 8
_KEEPALIVE_S = 30
"""Longer than the pause between two requests of a caller that keeps its connections."""
_GRACE_S = 30
"""For requests that are being answered when the service is stopped."""
_REQUEST_LINE_BYTES = 256 * 1024
"""A query of 10,000 characters in an address, each an emoji written as %F0%9F..., and more."""


def _say(address: str) -> None:
    click.echo(f"Serving on {address}")


def run(config: Config, announce: Callable[[str], None] = _say) -> None:
    """Serve until interrupted; `announce` gets the address once a worker is ready.

    Each worker opens its own index, bundle and state after the fork: native thread pools do not
    survive one.

    Raises
    ------
    ConfigError
        When the address cannot be bound, or nobody could be let in for want of a key.
    SearchRerankError
        What a worker could not start for: no index, an engine that is away, a damaged bundle.
    """
    check_access(config)
    listener = _bind(config.service.host, config.service.port)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    url = _url(listener)
    # from here on the descriptor is gunicorn's, which closes it
    server = _Server(config, listener.detach(), lambda: announce(url), writer)
    master = os.getpid()
    # gunicorn caps the setting of the same name at this constant, far below a long emoji query
    gunicorn.http.message.MAX_REQUEST_LINE = _REQUEST_LINE_BYTES
    try:
        with counted_together():
            server.run()
    except SystemExit as end:
        # workers leave through here too, and their exit code is what the master acts on
        if os.getpid() == master and end.code == Arbiter.APP_LOAD_ERROR:
            raise SearchRerankError(_first(reader)) from None
        raise
    except HaltServer:  # raised anew where a second worker fails while gunicorn is halting
        raise SearchRerankError(_first(reader)) from None
    finally:
        os.close(reader)
        os.close(writer)


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn without its command line."""

    def __init__(
        self,
        config: Config,
        listener: int,
        announce: Callable[[], None],
        failures: int,
    ) -> None:
        self._config = config
        self._listener = listener
        self._announce = announce
        self._failures = failures
        self._shares = Shares()
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": f"fd://{self._listener}",
            "workers": self._config.service.workers,
            "worker_class": Worker,
            "threads": _THREADS,
            "keepalive": _KEEPALIVE_S,
            "graceful_timeout": int(_GRACE_S + self._config.service.drain_s),
            "preload_app": False,
            "limit_request_line": _REQUEST_LINE_BYTES,
            "post_worker_init": self._warm,
            "pre_fork": self._place,
            "child_exit": self._ended,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app(self._config)

    def _place(self, _: Any, worker: Any) -> None:
        if self._config.service.workers > 1 and self._shares.left:
            worker.place = self._shares.take()

    def _ended(self, server: Any, worker: Any) -> None:
        ended(server, worker)
        if worker.place is not None:
            worker.place.end()

    def _warm(self, worker: Any) -> None:
        """Open everything before the first request, and tell why where that fails."""
        # A request's products are small: more threads only wait for each other, and workers share
        # the cores anyway.
        threadpool_limits(1, "blas")
        run = worker.app.wsgi().extensions["search_rerank"]
        worker.load, worker.drain_s = run.load, self._config.service.drain_s
        first = worker.age == 1
        run.starting = first
        try:
            run.state.mark()
            with run.pipeline() as pipeline:
                # Counts what the state holds, which the first shopper would wait for.
                pipeline.search(Query(now_ms=run.clock()))
        except SearchRerankError as error:
            if not first:
                # Others are there, or come: it waits for what is away, and the service goes on.
                logger.error("a worker begins without all that it needs: %s", error)
                return
            os.write(self._failures, f"{error}\0".encode())
            sys.exit(Arbiter.APP_LOAD_ERROR)
        # What was opened stays: to look through it for cycles took 65 ms of some request.
        gc.collect()
        gc.freeze()
        if first:
            self._announce()


def check_free(host: str, port: int) -> None:
    """Raise `ConfigError` where the address cannot be bound, before work is done for it."""
    _bind(host, port).close()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except (OSError, UnicodeError) as error:  # a label of more than 63 letters is no host's
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen on {host}:{port} ({reason}); choose another with --port or --host"
        ) from None
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _first(reader: int) -> str:
    try:
        return os.read(reader, 65536).decode().split("\0")[0]
    except BlockingIOError:
        return "a worker could not load the application; the log above tells why"
