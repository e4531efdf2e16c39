"""How a client's requests reach the service: connections kept, retries, time limits, its key."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, Full, LifoQueue
from typing import Any
from urllib.parse import urlsplit

import orjson
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from search_rerank.errors import SearchRerankError

Json = Mapping[str, Any]
_AGAIN = (429, 502, 503, 504)
_MOST_WAITED_S = 30.0
_IDLE = 8


class ClientError(SearchRerankError):
    """An answer that is an error, with its status and what its problem document says."""

    def __init__(self, status: int, problem: Json, after_s: float | None = None) -> None:
        super().__init__(
            f"{status}: {problem.get('detail') or problem.get('title') or 'no detail'}"
        )
        self.status = status
        self.problem = problem
        self.after_s = after_s
        """Seconds after which the service asks to try again, where it says so."""


class Unreachable(SearchRerankError):
    """The service did not answer in time, or at all."""


class Transport:
    """Sends requests to one service; see `Client`."""

    def __init__(
        self, address: str, key: str | None = None, *, timeout_s: float = 5.0, attempts: int = 3
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"address: expected http://HOST:PORT, found {address!r:.80}")
        self._parts = parts
        self._base = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._idle: LifoQueue[HTTPConnection] = LifoQueue(_IDLE)
        self._retrying = Retrying(
            stop=stop_after_attempt(attempts),
            retry=retry_if_exception(_may_pass),
            wait=_pause,
            reraise=True,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Json | None = None,
        repeat: bool = True,
    ) -> tuple[bytes, Mapping[str, str]]:
        """Return the body and the headers of an answer.

        Parameters
        ----------
        repeat
            Whether it may be sent again after an answer that was lost.

        Raises
        ------
        ClientError
            When the answer is an error.
        Unreachable
            When there is none.
        """
        if not repeat:
            return self._once(method, path, body, headers or {})
        return self._retrying(self._once, method, path, body, headers or {})

    def _once(
        self, method: str, path: str, body: object, headers: Json
    ) -> tuple[bytes, Mapping[str, str]]:
        sent = {**self._headers, **headers}
        data = None
        if body is not None:
            data, sent["Content-Type"] = orjson.dumps(body), "application/json"
        connection = self._connection()
        try:
            connection.request(method, self._base + path, data, sent)
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            raise Unreachable(f"{method} {path[:80]}: {error or type(error).__name__}") from error
        self._keep(connection)
        if response.status >= 400:
            raise ClientError(
                response.status, _problem(content), _seconds(response.getheader("Retry-After"))
            )
        return content, dict(response.getheaders())

    def _connection(self) -> HTTPConnection:
        try:
            return self._idle.get_nowait()
        except Empty:
            made = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
            host = self._parts.hostname or ""
            return made(host, self._parts.port, timeout=self._timeout_s)

    def _keep(self, connection: HTTPConnection) -> None:
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()

    def close(self) -> None:
        """Close the idle connections."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, Unreachable) or (
        isinstance(error, ClientError) and error.status in _AGAIN
    )


_backing_off = wait_random_exponential(multiplier=0.05, max=2.0)


def _pause(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.after_s if isinstance(error, ClientError) else None
    return min(asked, _MOST_WAITED_S) if asked is not None else _backing_off(state)


def _problem(content: bytes) -> Json:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    return (
        found if isinstance(found, dict) else {"detail": content[:200].decode("utf-8", "replace")}
    )


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
