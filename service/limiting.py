"""How many requests a key makes in a minute: counted in each worker, or for all in Redis."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from threading import Lock

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.storage.base import SlidingWindowCounterSupport
from limits.strategies import SlidingWindowCounterRateLimiter

from search_rerank.config import Config, StateConfig
from search_rerank.errors import MissingExtra
from search_rerank.keys import Key

logger = logging.getLogger(__name__)
_AWAY_S = 10.0
"""So long a server that failed is not asked again; each worker counts for itself meanwhile."""


class Limiting:
    """The rate limit of each key, over a sliding window of a minute.

    Parameters
    ----------
    config
        Requests a minute, how many workers there are, and where the state is: on a Redis server
        all workers count together, else each lets through its share.
    clock
        Seconds since 1970.
    """

    def __init__(self, config: Config, clock: Callable[[], float] = time.time) -> None:
        self._per_minute = config.access.per_minute
        self._workers = config.service.workers
        self._clock = clock
        self._own = SlidingWindowCounterRateLimiter(WorkerWindows(clock))
        self._shared = _shared(config.state) if config.state.kind == "redis" else None
        self._away_until = 0.0

    def per_minute(self, key: Key) -> int:
        """Return how many requests a minute a key may make, of all workers together."""
        return key.per_minute or self._per_minute

    def wait_s(self, key: Key) -> int:
        """Count a request of a key; return after how many seconds to try again, 0 if it may go on.

        Only known keys are counted, so that guessing fills no memory.
        """
        if self._shared is not None and self._clock() >= self._away_until:
            try:
                return self._hit(self._shared, RateLimitItemPerMinute(self.per_minute(key)), key)
            except StorageError as error:
                self._away_until = self._clock() + _AWAY_S
                logger.warning("each worker counts requests for itself for now: %s", error)
        share = max(1, self.per_minute(key) // self._workers)
        return self._hit(self._own, RateLimitItemPerMinute(share), key)

    def _hit(self, limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, key: Key) -> int:
        if limiter.hit(item, key.id):
            return 0
        reset = limiter.get_window_stats(item, key.id).reset_time
        return max(1, math.ceil(reset - time.time()))


class WorkerWindows(Storage, SlidingWindowCounterSupport):
    """Two counts a key in this process: those of this window and of the one before.

    The library's own storage in memory starts a thread every ten milliseconds to remove what has
    expired; here a key's new window takes the place of its old one.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[str, tuple[int, int, int]] = {}
        """Key to the number of its window, its count there, and that in the one before."""

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count a request unless there are too many, those of the window before by their share."""
        with self._lock:
            number, current, previous, passed = self._now(key, expiry)
            if math.floor(previous * (1 - passed)) + current + amount > limit:
                return False
            self._windows[key] = number, current + amount, previous
            return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return the counts of the window before and of this one, each with its seconds left."""
        _, current, previous, passed = self._now(key, expiry)
        left_s = (1 - passed) * expiry
        return previous, left_s, current, left_s + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget a key."""
        self.clear(key)

    def _now(self, key: str, expiry: int) -> tuple[int, int, int, float]:
        number, passed = divmod(self._clock() / expiry, 1)
        then, current, previous = self._windows.get(key, (int(number), 0, 0))
        if then == int(number) - 1:
            current, previous = 0, current
        elif then != int(number):  # a clock that was set back counts anew, too
            current, previous = 0, 0
        return int(number), current, previous, passed

    @property
    def base_exceptions(self) -> type[Exception]:
        """Nothing is expected to fail."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Only sliding windows are kept."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Only sliding windows are kept."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Only sliding windows are kept."""
        raise NotImplementedError

    def check(self) -> bool:
        """Return True: it is there as long as the process."""
        return True

    def reset(self) -> int:
        """Forget all keys."""
        n = len(self._windows)
        self._windows.clear()
        return n

    def clear(self, key: str) -> None:
        """Forget a key."""
        self._windows.pop(key, None)


def _shared(settings: StateConfig) -> SlidingWindowCounterRateLimiter:
    try:
        from search_rerank.state.redis.connection import connect
    except ModuleNotFoundError:
        raise MissingExtra("counting requests on a Redis server", "redis") from None
    pool = connect(settings.url, settings.timeout_s).connection_pool
    prefix = f"{settings.prefix}:limits"
    return SlidingWindowCounterRateLimiter(
        RedisStorage(settings.url, pool, key_prefix=prefix, wrap_exceptions=True)
    )
