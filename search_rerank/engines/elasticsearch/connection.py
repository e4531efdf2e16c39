"""The connection to a server: credentials, time limits, and its errors in our words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import elasticsearch as es
from elasticsearch.serializer import OrjsonSerializer

from search_rerank.config import EngineConfig
from search_rerank.errors import EngineError, EngineUnavailable

API_KEY = "SEARCH_RERANK_ES_API_KEY"
USER = "SEARCH_RERANK_ES_USER"
PASSWORD = "SEARCH_RERANK_ES_PASSWORD"
CA_FILE = "SEARCH_RERANK_ES_CA_FILE"
WRITE_TIMEOUT_S = 120.0
"""A bulk request, a refresh or a deletion may take longer than a search."""


class VersionGone(EngineError):
    """The version was dropped since the server was asked which there are."""


def address(config: EngineConfig) -> str:
    """Return where the server is, as messages say it: no secret is in it."""
    if config.cloud_id is not None:
        return f"cloud {config.cloud_id.partition(':')[0]}"
    return ", ".join(config.urls)


def connect(config: EngineConfig) -> es.Elasticsearch:
    """Return a client; credentials come from the environment only, TLS is verified."""
    if config.cloud_id is None and any("@" in urlsplit(url).netloc for url in config.urls):
        # Addresses stand in messages, logs and answers; the one that is refused is not shown.
        raise EngineError(
            f"engine.url: expected an address without user and password, found one with: set "
            f"{USER} and {PASSWORD} in the environment instead"
        )
    options: dict[str, Any] = {"hosts": list(config.urls)}
    if config.cloud_id is not None:
        options = {"cloud_id": config.cloud_id}
    if key := os.environ.get(API_KEY):
        options["api_key"] = key
    elif user := os.environ.get(USER):
        options["basic_auth"] = (user, os.environ.get(PASSWORD, ""))
    if ca_file := os.environ.get(CA_FILE):
        if not os.path.isfile(ca_file):  # the client would go on without it
            raise EngineError(f"{CA_FILE}: expected a file, found none at {ca_file!r}")
        options["ca_certs"] = ca_file
    try:
        return es.Elasticsearch(
            serializer=OrjsonSerializer(),
            request_timeout=config.timeout_s,
            max_retries=config.retries,
            # A server alone that is too slow is not asked the same again on top.
            retry_on_timeout=len(config.urls) > 1,
            **options,
        )
    except (ValueError, TypeError, OSError) as error:
        if config.cloud_id is not None:
            raise EngineError(
                "engine.cloud_id: expected NAME:CODE as the deployment's page shows it"
            ) from None
        raise EngineError(f"engine.url {address(config)}: {error}") from None


@contextmanager
def errors_of(url: str) -> Iterator[None]:
    """Turn whatever the client raises into `EngineUnavailable` or `EngineError`."""
    try:
        yield
    except es.ConnectionTimeout:
        raise EngineUnavailable(
            f"Elasticsearch at {url} did not answer in time: see its load, "
            f"or raise engine.timeout_s"
        ) from None
    except es.ConnectionError as error:
        raise EngineUnavailable(
            f"Elasticsearch at {url} cannot be reached ({error.message}): check engine.url, "
            f"or start a server with `make elasticsearch`"
        ) from None
    except es.ApiError as error:
        if error.status_code in (429, 502, 503, 504):
            raise EngineUnavailable(
                f"Elasticsearch at {url} is not ready (status {error.status_code}): "
                f"{reason_of(error.body)}"
            ) from None
        if error.status_code in (401, 403):
            raise EngineError(
                f"Elasticsearch at {url} refused access: {reason_of(error.body)}: "
                f"set {API_KEY}, or {USER} and {PASSWORD}"
            ) from None
        raise EngineError(f"Elasticsearch: {reason_of(error.body)}") from None
    except (es.TransportError, es.UnsupportedProductError, es.SerializationError) as error:
        raise EngineError(f"Elasticsearch at {url}: {error}") from None


def reason_of(body: object) -> str:
    """Return the innermost reason of an error answer, shortened."""
    error = body.get("error", body) if isinstance(body, Mapping) else body
    reason: object = error
    while isinstance(error, Mapping):
        reason = error.get("reason") or error.get("type") or reason
        causes = error.get("root_cause") or error.get("failed_shards")
        inner = error.get("caused_by") or (causes[0] if causes else None)
        if (
            isinstance(inner, Mapping)
            and "reason" in inner
            and isinstance(inner["reason"], Mapping)
        ):
            inner = inner["reason"]
        error = inner
    return str(reason)[:300]
