"""Bulk requests, several at a time, each repeated where the server is busy or away."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import elasticsearch as es
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from search_rerank.config import LoadConfig
from search_rerank.engines.elasticsearch.connection import VersionGone, reason_of
from search_rerank.engines.elasticsearch.pace import MOST, Chunks, Operation, Pace
from search_rerank.errors import EngineUnavailable

ATTEMPTS = 12
LONGEST_S = 300.0
"""A request that was not carried out after so many attempts, or after this time, has failed."""
_NO_ROOM = 429
_BUSY = (_NO_ROOM, 502, 503, 504)
_TOO_LARGE = 413
_FEWEST = 50
"""Fewer operations are not worth a second request."""
_ANSWER = ["errors", "items.*.status", "items.*.error.type", "items.*.error.reason",
           "items.*.error.caused_by"]  # fmt: skip


class Overloaded(EngineUnavailable):
    """The server carried out a part of a request and had no room for the rest."""


@dataclass(frozen=True)
class Result:
    """What the server did with one operation.

    Parameters
    ----------
    status
        Of HTTP; below 300 it is done.
    reason
        Why it was not.
    repeated
        Whether an earlier attempt whose answer was lost may have been carried out.
    """

    status: int
    reason: str | None = None
    repeated: bool = False


@dataclass
class _Delivery:
    pending: list[Operation]
    doubtful: set[str] = field(default_factory=set)
    """Ids of which an attempt may have been carried out although it failed."""
    results: dict[str, Result] = field(default_factory=dict)


class Bulk:
    """Sends operations; what comes of each is told by its id.

    Parameters
    ----------
    client
        The connection, with a time limit for writing.
    load
        Requests at a time, and their size.
    wait_s
        Before a request is repeated a random time passes, up to this, doubled each time.
    """

    def __init__(self, client: es.Elasticsearch, load: LoadConfig, *, wait_s: float = 0.25) -> None:
        # Repeated here, where it is known what an attempt without an answer may have done.
        self._client = client.options(max_retries=0)
        self._threads = load.threads
        self._sending = threading.Semaphore(load.threads)
        self._pace = Pace(load.chunk_bytes)
        self._retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(LONGEST_S),
            wait=wait_random_exponential(multiplier=wait_s, max=15),
            retry=retry_if_exception(_passes),
            reraise=True,
        )

    def send(self, index: str, operations: Iterable[Operation], expected: int) -> dict[str, Result]:
        """Carry out operations on the documents behind an alias, each id once.

        Parameters
        ----------
        operations
            Made as they are needed, so that one request is made while others are on their way.
        expected
            About how many.

        Raises
        ------
        VersionGone
            When there is no such alias.
        elasticsearch.TransportError, elasticsearch.ApiError, Overloaded
            When a request was repeated in vain; others may have been carried out.
        """
        # One thread more than requests: the next one is made while the others are on their way.
        share = max(-(-expected // (self._threads + 1)), _FEWEST)
        chunks = Chunks(operations, self._pace, min(share, MOST))
        helpers = min(self._threads, -(-expected // share) - 1)
        results: dict[str, Result] = {}
        if helpers <= 0:
            return self._drain(index, chunks)
        with ThreadPoolExecutor(helpers, thread_name_prefix="bulk") as pool:
            others = [pool.submit(self._drain, index, chunks) for _ in range(helpers)]
            results |= self._drain(index, chunks)
            for other in others:
                results |= other.result()
        return results

    def _drain(self, index: str, chunks: Chunks) -> dict[str, Result]:
        results: dict[str, Result] = {}
        try:
            while chunk := chunks.take():
                results |= self._deliver(index, chunk)
        except BaseException:
            chunks.close()
            raise
        return results

    def _deliver(self, index: str, chunk: list[Operation]) -> dict[str, Result]:
        delivery = _Delivery(chunk)
        try:
            self._retrying.copy()(self._attempt, index, delivery)
        except es.ApiError as error:
            if error.status_code != _TOO_LARGE:
                raise
            pending = delivery.pending
            size = sum(operation.size for operation in pending)
            self._pace.too_large(size)
            if len(pending) == 1:
                reason = f"expected a document that the server accepts, found {size:,} bytes"
                delivery.results[pending[0].id] = Result(_TOO_LARGE, reason)
            else:
                half = len(pending) // 2
                for part in (pending[:half], pending[half:]):
                    delivery.results |= self._deliver(index, part)
        return delivery.results

    def _attempt(self, index: str, delivery: _Delivery) -> None:
        lines: list[Any] = []
        for operation in delivery.pending:
            lines.append(operation.action)
            if operation.source is not None:
                lines.append(operation.source)
        try:
            # Through an alias, so that a version dropped meanwhile isn't made anew by the request.
            with self._sending:
                start = perf_counter()
                answer = self._client.bulk(
                    index=index, operations=lines, require_alias=True, filter_path=_ANSWER
                )
        except es.TransportError as error:
            delivery.doubtful.update(operation.id for operation in delivery.pending)
            if isinstance(error, es.ConnectionTimeout):
                self._pace.slower()
            raise
        except es.ApiError as error:
            if error.status_code in _BUSY:
                if error.status_code != _NO_ROOM:
                    delivery.doubtful.update(operation.id for operation in delivery.pending)
                self._pace.slower()
            raise
        self._pace.answered(perf_counter() - start)
        self._note(index, delivery, answer["items"])

    def _note(
        self, index: str, delivery: _Delivery, items: Sequence[dict[str, dict[str, Any]]]
    ) -> None:
        busy: list[Operation] = []
        reason = ""
        for operation, item in zip(delivery.pending, items, strict=True):
            (entry,) = item.values()
            status, error = int(entry["status"]), entry.get("error")
            if error is not None and status in _BUSY:
                busy.append(operation)
                reason = reason_of(error)
                if status != _NO_ROOM:  # the node that did it died before all copies had it
                    delivery.doubtful.add(operation.id)
                continue
            if error is not None and error["type"] in ("index_not_found_exception",):
                raise VersionGone(f"no version behind {index!r}: {reason_of(error)}")
            told = None if error is None else reason_of(error)
            delivery.results[operation.id] = Result(status, told, operation.id in delivery.doubtful)
        delivery.pending = busy
        if busy:
            self._pace.slower()
            raise Overloaded(f"Elasticsearch is overloaded: {reason}")


def _passes(error: BaseException) -> bool:
    """Return whether another attempt may succeed."""
    if isinstance(error, es.ApiError):
        return error.status_code in _BUSY
    return isinstance(error, (es.ConnectionError, es.ConnectionTimeout, Overloaded))
