"""Several searches of one version in one round trip, and what each of them failed of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import elasticsearch as es
import orjson
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random

from search_rerank.engines.elasticsearch.connection import VersionGone, reason_of
from search_rerank.engines.elasticsearch.search import NO_HITS, Hits, Query, hits_of
from search_rerank.engines.elasticsearch.versions import Known
from search_rerank.errors import EngineError, EngineUnavailable

Failure = tuple[str, str]
Answer = dict[str, Any]
_FAILED: Answer = {"status": 500}
_KEPT = b'{"request_cache":true}'
ATTEMPTS = 3
"""So often a search is asked of which a node failed in the middle."""


class Asking:
    """Sends searches with a time limit."""

    def __init__(self, client: es.Elasticsearch, timeout_s: float) -> None:
        self._client = client
        self._timeout = f"{int(timeout_s * 1000)}ms"

    def ask(self, version: Known, searches: Sequence[Query], *, kept: bool = False) -> list[Answer]:
        """Return the answers as they came; `good` tells whether one is whole.

        With `kept` the server keeps which items each search found until the index changes, so
        that the same search, asked by anyone, does not compare all the vectors again.
        """
        answers: dict[int, Answer] = {}
        head = _KEPT if kept else b"{}"

        def failed() -> list[int]:
            return [n for n in range(len(searches)) if answers.get(n, _FAILED)["status"] >= 500]

        def attempt() -> list[int]:
            wanted, parts = failed(), list[Any]()
            for n in wanted:
                body = searches[n] | {"timeout": self._timeout}
                # The client itself would write a vector in twice the length and ten times the time.
                parts += [head, orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)]
            answer = self._client.msearch(
                index=version.name, searches=parts, include_named_queries_score=True
            )
            answers.update(zip(wanted, answer["responses"], strict=True))
            return failed()

        # The client repeats what failed as a whole, not one search of several.
        Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random(0, 0.1),
            retry=retry_if_result(bool),
            retry_error_callback=lambda _: None,
        )(attempt)
        return [answers[n] for n in range(len(searches))]


def good(answer: Answer) -> Answer:
    """Return one answer of several, or raise what it failed of."""
    if "error" in answer:
        status, reason = answer.get("status", 500), reason_of(answer["error"])
        if status == 404:
            raise VersionGone(f"Elasticsearch: {reason}")
        if status in (429, 502, 503, 504):
            raise EngineUnavailable(f"Elasticsearch is not ready (status {status}): {reason}")
        raise EngineError(f"Elasticsearch: {reason}")
    if answer.get("timed_out"):
        raise EngineUnavailable("Elasticsearch did not answer in time: raise engine.timeout_s")
    return answer


def optional(answer: Answer) -> tuple[Hits, Failure | None]:
    """Return the hits of a vector search, none where it failed, and of what: words still answer."""
    try:
        return hits_of(good(answer)), None
    except VersionGone:
        raise
    except EngineError as error:
        return NO_HITS, ("vectors", str(error))
