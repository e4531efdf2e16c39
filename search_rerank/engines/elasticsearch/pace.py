"""How large the next bulk request is: smaller where the server has trouble, then larger again."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 500
"""Operations in one request at most."""
SLOW_S = 10.0
"""An answer that takes longer makes the next request smaller."""
_GROWTH = 1.25


@dataclass(frozen=True)
class Operation:
    """One line or two of a bulk request: what to do with an id, and its document."""

    id: str
    action: bytes
    source: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of both lines."""
        return len(self.action) + len(self.source or b"") + 2


class Pace:
    """Limits of a request, shared by all threads that send some.

    Parameters
    ----------
    chunk_bytes
        Size of one request at most, as long as it holds more than one operation.
    """

    def __init__(self, chunk_bytes: int) -> None:
        self._guard = threading.Lock()
        self._most_bytes = float(chunk_bytes)
        self._bytes = float(chunk_bytes)
        self._count = float(MOST)

    @property
    def limits(self) -> tuple[int, int]:
        """Bytes and operations of the next request at most."""
        return int(self._bytes), int(self._count)

    def answered(self, seconds: float) -> None:
        """Take note of an answer."""
        if seconds > SLOW_S:
            self.slower()
            return
        if seconds < SLOW_S / 2:
            with self._guard:
                self._bytes = min(self._bytes * _GROWTH, self._most_bytes)
                self._count = min(self._count * _GROWTH, MOST)

    def slower(self) -> None:
        """Halve the next request: the server is busy."""
        with self._guard:
            self._bytes = max(self._bytes / 2, 1.0)
            self._count = max(self._count / 2, 1.0)

    def too_large(self, size: int) -> None:
        """Stay below a request that was refused for its size, from now on."""
        with self._guard:
            self._most_bytes = min(self._most_bytes, max(size - 1.0, 1.0))
            self._bytes = min(self._bytes, max(size / 2, 1.0))


class Chunks:
    """Operations cut into requests as they are asked for, by any thread.

    The operations are made by whoever asks, one thread at a time, while others wait for answers.

    Parameters
    ----------
    most
        Operations in one request at most, beside what the pace says.
    """

    def __init__(self, operations: Iterable[Operation], pace: Pace, most: int) -> None:
        self._operations = iter(operations)
        self._pace = pace
        self._most = most
        self._held: Operation | None = None
        self._guard = threading.Lock()
        self._closed = False

    def take(self) -> list[Operation]:
        """Return the next request, empty when there is none."""
        chunk: list[Operation] = []
        size = 0
        with self._guard:
            if self._closed:
                return []
            limit, count = self._pace.limits
            while len(chunk) < min(count, self._most):
                operation = self._held or next(self._operations, None)
                self._held = None
                if operation is None:
                    break
                size += operation.size
                if chunk and size > limit:
                    self._held = operation
                    break
                chunk.append(operation)
        return chunk

    def close(self) -> None:
        """Give out no more: another thread has failed."""
        self._closed = True
