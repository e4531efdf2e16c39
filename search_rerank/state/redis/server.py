"""One server as a state uses it: its keys, its scripts, and whether it keeps what it was told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, Literal
from uuid import uuid4

import redis

from search_rerank.errors import StateError
from search_rerank.state.redis.connection import address_of, connect, errors_of

logger = logging.getLogger(__name__)
Durability = Literal["full", "normal"]
Entry = tuple[int, str, bytes]
"""Number of a row in the log, its kind, and the row."""
READ_AT_ONCE = 5_000


class Server:
    """A Redis server, and the keys under one prefix of it.

    Parameters
    ----------
    url, timeout_s
        See `connect`.
    prefix
        Of all keys. It is a hash tag: in a cluster they all lie in one slot.
    durability
        What the server must be set up for, see `RedisState`.
    replicas
        How many replicas must have a row before it is acknowledged.
    """

    def __init__(
        self, url: str, timeout_s: float, prefix: str, durability: Durability, replicas: int
    ) -> None:
        self.address = address_of(url)
        self.prefix = f"{{{prefix}}}:"
        self._durability = durability
        self._replicas = replicas
        self._timeout_s = timeout_s
        self._client = connect(url, timeout_s)
        self._scripts: dict[str, Any] = {}
        self._prepared = False

    @contextmanager
    def using(self) -> Iterator[redis.Redis]:
        """Lend the client; what goes wrong is a `StateError`."""
        with errors_of(self.address):
            if not self._prepared:
                self._prepare()
            yield self._client

    def key(self, kind: str, name: str = "") -> str:
        """Return the name of a key."""
        return self.prefix + kind + name

    def run(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Run a script of this folder over the prefix and other keys."""
        with self.using() as client:
            return self._script(script)(keys=[self.prefix, *keys], args=values, client=client)

    def write(self, script: str, values: Sequence[Any]) -> Any:
        """Run a script that stores something, and wait for as many replicas as are asked for.

        Raises
        ------
        StateError
            Also where it was stored, and too few replicas said in time that they have it.
        """
        if not self._replicas:
            return self.run(script, (), values)
        with self.using() as client, client.pipeline(transaction=False) as pipe:
            self._script(script)(keys=[self.prefix], args=values, client=pipe)
            pipe.wait(self._replicas, int(self._timeout_s * 500))
            result, reached = pipe.execute()
        if reached < self._replicas:
            raise StateError(
                f"state {self.address}: stored, but expected {self._replicas} replicas to have it, "
                f"found {reached}: see the replicas, or lower state.replicas; it may be sent again"
            )
        return result

    def entries(self, after: int, epoch: bytes | None) -> tuple[bytes, list[Entry]] | None:
        """Return what comes after a number in the log, `READ_AT_ONCE` at most, and the epoch.

        None where the log is another one than that of the epoch: the server lost it, or a part of
        its end.
        """
        with self.using() as client, client.pipeline(transaction=False) as pipe:
            pipe.get(self.key("epoch"))
            pipe.get(self.key("seq"))
            pipe.xrange(self.key("log"), min=f"({after}-0", count=READ_AT_ONCE)
            found, seq, rows = pipe.execute()
        if found is None:
            self._prepared = False
            return None
        if (epoch is not None and found != epoch) or int(seq or 0) < after:
            return None
        return found, list(_entries(rows))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _script(self, name: str) -> Any:
        if name not in self._scripts:
            text = resources.files(__package__).joinpath(f"{name}.lua").read_text("utf-8")
            self._scripts[name] = self._client.register_script(text)
        return self._scripts[name]

    def _prepare(self) -> None:
        """Check the server once it is there, and give the log a name if it has none."""
        self._check_durability()
        self._client.set(self.key("epoch"), uuid4().hex, nx=True)
        self._prepared = True

    def _check_durability(self) -> None:
        wanted = {"appendonly": "yes"}
        if self._durability == "full":
            wanted["appendfsync"] = "always"
        try:
            found = self._client.config_get(*wanted, "maxmemory-policy")
        except redis.ResponseError as error:
            needed = " and ".join(f"{name} {value}" for name, value in wanted.items())
            logger.warning(
                "state %s: cannot see how durable the server is (%s); state.durability = %r needs "
                "%s, and maxmemory-policy noeviction",
                self.address, error, self._durability, needed,
            )  # fmt: skip
            return
        settings = {_text(name): _text(value) for name, value in found.items()}
        for name, value in wanted.items():
            if settings.get(name) != value:
                raise StateError(
                    f"state {self.address}: state.durability = {self._durability!r} expects "
                    f"{name} {value}, found {settings.get(name)}: set it in redis.conf, or with "
                    f"CONFIG SET {name} {value}"
                )
        policy = settings.get("maxmemory-policy")
        if policy != "noeviction":
            raise StateError(
                f"state {self.address}: expected maxmemory-policy noeviction, found {policy}, by "
                "which the server may drop what shoppers did: CONFIG SET maxmemory-policy "
                "noeviction"
            )


def _entries(rows: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[Entry]:
    for id_, fields in rows:
        ((kind, row),) = fields.items()
        yield int(id_.partition(b"-")[0]), kind.decode(), row


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
