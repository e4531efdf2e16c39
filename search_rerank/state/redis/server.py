"""One server as a state uses it: its keys, its scripts, and whether it keeps what it was told."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from secrets import randbits
from typing import Any, Literal, NamedTuple

import redis

from search_rerank.errors import StateError
from search_rerank.guarding.breaker import Breaker
from search_rerank.state.hashed import Hashed
from search_rerank.state.redis.connection import address_of, connect, errors_of
from search_rerank.state.redis.rows import Kind

logger = logging.getLogger(__name__)
Durability = Literal["full", "normal"]
Entry = tuple[int, Kind, bytes]
"""Number of a row in the log, its kind, and the row."""
READ_AT_ONCE = 5_000


class News(NamedTuple):
    """What a log holds past a number.

    Parameters
    ----------
    epoch
        Which log it is; 0 where the server has none.
    seq
        Number of the newest row that there ever was.
    takings
        How often rows were taken out of it.
    entries
        Past the number.
    taken
        What was taken out since as many takings as were known; those long ago are left out. Each
        is a kind and a JSON array of (number, row).
    """

    epoch: int
    seq: int
    takings: int
    entries: list[Entry]
    taken: list[Entry]


class Server:
    """A Redis server, and the keys under one prefix of it.

    Parameters
    ----------
    url, timeout_s
        See `connect`.
    prefix
        Of all keys. It is a hash tag: in a cluster they all lie in one slot.
    durability
        What the server must be set up for, see `RedisState`; None for one that only reads.
    replicas
        How many replicas must have a row before it is acknowledged.
    """

    def __init__(
        self,
        url: str,
        timeout_s: float,
        prefix: str,
        durability: Durability | None = None,
        replicas: int = 0,
    ) -> None:
        self.address = address_of(url)
        self.prefix = f"{{{prefix}}}:"
        self._durability = durability
        self._replicas = replicas
        self._timeout_s = timeout_s
        self._client = connect(url, timeout_s)
        self._breaker = Breaker(f"state {self.address}")
        self._scripts: dict[str, Any] = {}
        self._hashed: Hashed | None = None
        self._prepared = False

    @contextmanager
    def using(self) -> Iterator[redis.Redis]:
        """Lend the client; what goes wrong is a `StateError`."""
        if not self._breaker.lets():
            raise StateError(
                f"state {self.address}: does not answer, and is tried again in a moment"
            )
        hangs = False
        try:
            with errors_of(self.address):
                if not self._prepared:
                    self._prepare()
                yield self._client
        except StateError as error:
            hangs = isinstance(error.__context__, redis.TimeoutError)
            raise
        finally:
            # One that cannot be reached says so at once; only waiting must not be done by all.
            if hangs:
                self._breaker.failed()
            else:
                self._breaker.succeeded()

    def hashes(self) -> Hashed:
        """Return what hashes those who are not to be known by name."""
        while self._hashed is None:
            with self.using():
                pass
        return self._hashed

    def key(self, kind: str, name: str = "") -> str:
        """Return the name of a key."""
        return self.prefix + kind + name

    def run(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Run a script of this folder over the prefix and other keys."""
        with self.using() as client:
            return self._script(script)(keys=[self.prefix, *keys], args=values, client=client)

    def write(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Run a script that stores something, and wait for as many replicas as are asked for.

        Raises
        ------
        StateError
            Also where it was stored, and too few replicas said in time that they have it.
        """
        if not self._replicas:
            return self.run(script, keys, values)
        with self.using() as client, client.pipeline(transaction=False) as pipe:
            self._script(script)(keys=[self.prefix, *keys], args=values, client=pipe)
            pipe.wait(self._replicas, int(self._timeout_s * 500))
            result, reached = pipe.execute()
        if reached < self._replicas:
            raise StateError(
                f"state {self.address}: stored, but expected {self._replicas} replicas to have it, "
                f"found {reached}: see the replicas, or lower state.replicas; it may be sent again"
            )
        return result

    def number(self, name: str) -> int:
        """Return a number that is kept under a key, 0 where there is none."""
        with self.using() as client:
            found: Any = client.get(self.key(name))
        return int(found or 0)

    def rows(self, numbers: Sequence[int]) -> list[bytes | None]:
        """Return rows of the log by their numbers, None for one that is not there (any longer)."""
        with self.using() as client, client.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.xrange(self.key("log"), f"{number}-0", f"{number}-0")
            found = pipe.execute()
        return [next(iter(entries[0][1].values())) if entries else None for entries in found]

    def oldest(self, n: int) -> list[Entry]:
        """Return the first n entries of the log."""
        with self.using() as client:
            found: Any = client.xrange(self.key("log"), count=n)
        return list(_entries((id_, next(iter(fields.items()))) for id_, fields in found))

    def news(self, after: int, taken: int) -> News:
        """Return what comes after a number in the log, `READ_AT_ONCE` at most, as of one moment.

        Parameters
        ----------
        taken
            How often rows were taken out of it, as far as is known.
        """
        numbers, entries, told = self.run("news", (), [after, taken, READ_AT_ONCE])
        epoch, seq, takings = numbers
        if epoch is None:  # the server lost all it had
            self._prepared, self._hashed = False, None
        return News(
            int(epoch or 0),
            int(seq or 0),
            int(takings or 0),
            list(_entries(entries)),
            list(_entries(told)),
        )

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
        if self._durability is not None:
            self._check_durability(self._durability)
        names = (self.key("epoch"), self.key("key"))
        found: Any = self._client.mget(*names)
        if None in found:
            self._client.set(names[0], randbits(52), nx=True)
            self._client.set(names[1], Hashed().key, nx=True)
            found = self._client.mget(*names)
        self._hashed = Hashed(found[1])
        self._prepared = True

    def _check_durability(self, durability: Durability) -> None:
        wanted = {"appendonly": "yes"}
        if durability == "full":
            wanted["appendfsync"] = "always"
        try:
            found = self._client.config_get(*wanted, "maxmemory-policy")
        except redis.ResponseError as error:
            needed = " and ".join(f"{name} {value}" for name, value in wanted.items())
            logger.warning(
                "state %s: cannot see how durable the server is (%s); state.durability = %r needs "
                "%s, and maxmemory-policy noeviction",
                self.address, error, durability, needed,
            )  # fmt: skip
            return
        settings = {_text(name): _text(value) for name, value in found.items()}
        for name, value in wanted.items():
            if settings.get(name) != value:
                raise StateError(
                    f"state {self.address}: state.durability = {durability!r} expects "
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


def _entries(found: Any) -> Iterator[Entry]:
    for id_, fields in found:
        kind, row = fields
        yield int(id_.partition(b"-")[0]), kind.decode(), row


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
