"""The connection to a Redis server: address, credentials, time limits, and its errors in our words.

Credentials come from the environment, never from the file of settings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from search_rerank.errors import StateError

URL = "SEARCH_RERANK_REDIS_URL"
USER = "SEARCH_RERANK_REDIS_USER"
PASSWORD = "SEARCH_RERANK_REDIS_PASSWORD"
CA_FILE = "SEARCH_RERANK_REDIS_CA_FILE"
_SCHEMES = ("redis", "rediss", "unix")


def connect(url: str, timeout_s: float) -> redis.Redis:
    """Return a client with a pool of connections; nothing is sent yet.

    A request that finds its connection broken is sent once more on a new one: rows are stored once
    by their ids. One that got no answer in time is not.

    Parameters
    ----------
    url
        As `address_of` returns it; the whole address may come from the environment instead.
    timeout_s
        Seconds to connect in, and to wait for an answer.

    Raises
    ------
    StateError
        Where the address cannot be used.
    """
    options: dict[str, Any] = {}
    whole = os.environ.get(URL) or url
    if user := os.environ.get(USER):
        options["username"] = user
    if password := os.environ.get(PASSWORD):
        options["password"] = password
    if ca_file := os.environ.get(CA_FILE):
        if not os.path.isfile(ca_file):
            raise StateError(f"{CA_FILE}: expected a file, found none at {ca_file!r}")
        options["ssl_ca_certs"] = ca_file
    if not whole.startswith("unix:"):
        options["socket_connect_timeout"] = timeout_s
        options["socket_keepalive"] = True
    if ca_file and not whole.startswith("rediss:"):
        raise StateError(f"{CA_FILE}: expected an address that begins with rediss://")
    try:
        return redis.Redis.from_url(
            whole,
            protocol=2,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            **options,
        )
    except (ValueError, TypeError) as error:
        raise StateError(f"state.url {address_of(url)}: {error}") from None


def address_of(url: str) -> str:
    """Return where the server is, as messages say it: without user and password.

    Raises
    ------
    StateError
        Where the settings name another kind of address, or one with a password.
    """
    given = os.environ.get(URL)
    parts = urlsplit(given or url)
    named = URL if given else "state.url"
    number = parts.path.strip("/")
    if parts.scheme not in _SCHEMES or (parts.scheme != "unix" and not f"0{number}".isdecimal()):
        raise StateError(f"{named}: expected redis://HOST:PORT/NUMBER, rediss:// or unix://PATH")
    if parts.password is not None and not given:
        raise StateError(
            f"{named}: expected an address without user and password, found one with: set {USER} "
            f"and {PASSWORD}, or the whole address as {URL}, in the environment instead"
        )
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@contextmanager
def errors_of(address: str) -> Iterator[None]:
    """Turn whatever the client raises into `StateError`."""
    try:
        yield
    except redis.TimeoutError:
        raise StateError(
            f"state {address}: no answer in time: see the server's load, or raise state.timeout_s"
        ) from None
    except (redis.AuthenticationError, NoPermissionError) as error:
        raise StateError(
            f"state {address}: access refused ({error}): set {USER} and {PASSWORD}"
        ) from None
    except redis.ConnectionError as error:
        raise StateError(
            f"state {address}: cannot be reached ({error}): check state.url, or start redis-server"
        ) from None
    except redis.ReadOnlyError:
        raise StateError(
            f"state {address}: expected a server that stores events, found a replica that only "
            "reads: name its primary as state.url"
        ) from None
    except redis.RedisError as error:
        raise StateError(f"state {address}: {error}") from None
