"""Errors over HTTP: problem details (RFC 9457), or a plain page for a browser at the shop."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from search_rerank.errors import (
    DataError,
    EngineError,
    SearchRerankError,
    StateError,
)

logger = logging.getLogger(__name__)
RETRY_AFTER_S = 5
_AWAY = {
    "engine": "the search engine cannot answer at present",
    "state": "what shoppers did cannot be read or written at present",
    "service": "the service is not ready",
    "disk": "a file that the service keeps cannot be read or written at present",
}
"""What is told of a part that is away: where it is and what it said stands in the log alone."""


class Problem(SearchRerankError):
    """A request that cannot be answered, with its status and what else the body tells."""

    def __init__(self, status: int, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.extra = extra


def register_problems(app: Flask) -> None:
    """Answer every error of the application with a problem document; no trace leaves it."""
    app.register_error_handler(Problem, lambda e: problem(e.status, str(e), **e.extra))
    app.register_error_handler(DataError, lambda e: problem(400, str(e)))
    app.register_error_handler(EngineError, lambda e: away("engine", e))
    app.register_error_handler(StateError, lambda e: away("state", e))
    app.register_error_handler(SearchRerankError, lambda e: away("service", e))
    app.register_error_handler(OSError, lambda e: away("disk", e))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, detail: str, **extra: Any) -> Response:
    """Return a response of type ``application/problem+json``, or a page where a shopper looks."""
    title = HTTPStatus(status).phrase
    if request.blueprint == "shop" and request.accept_mimetypes.accept_html:
        page = render_template("problem.html", status=status, title=title, detail=detail)
        return _later(Response(page, status, mimetype="text/html"))
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        **extra,
    }
    return _later(Response(orjson.dumps(body), status, content_type="application/problem+json"))


def _later(response: Response) -> Response:
    """Say when to come again, where that may help."""
    if response.status_code == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def away(part: str, error: Exception) -> Response:
    """Return a 503 that names a part; what its error says stands in the log alone."""
    logger.warning("%s cannot answer: %s", part, error)
    detail = f"{_AWAY[part]}: try again in {RETRY_AFTER_S} seconds; GET /readyz tells when it is"
    return problem(503, detail, part=part)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        limit = request.max_content_length
        detail = f"expected a body of at most {limit} bytes; send the rows in several requests"
    else:
        detail = error.description or HTTPStatus(status).phrase
    response = problem(status, detail)
    if status < 400:
        return Response(status=status, headers=error.get_headers(request.environ))
    for name, value in error.get_headers(request.environ):
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    logger.exception("unexpected error on %s %s", request.method, request.path)
    return problem(500, "the service failed on this request; its log tells more")
