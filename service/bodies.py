"""Reading the body of a request."""

from __future__ import annotations

import orjson
from flask import request

from search_rerank.data.nesting import loads
from service.problems import Problem

JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")


def is_json() -> bool:
    """Return whether the request says that its body is JSON."""
    return request.mimetype == "application/json" or request.mimetype.endswith("+json")


def read_json() -> object:
    """Return the decoded body.

    Raises
    ------
    Problem
        415 for another type, 400 where the body is not JSON (its nesting is bounded too).
    """
    if not is_json():
        raise Problem(
            415, f"expected Content-Type application/json, found {request.mimetype or 'none'!r}"
        )
    return decode(request.get_data())


class Broken:
    """A line that is not JSON."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def read_rows() -> list[object]:
    """Return the rows of a body: an array, one object alone, or JSON lines.

    A line that is not JSON is a `Broken`, so that it costs its neighbours nothing.

    Raises
    ------
    Problem
        415 for another type, 400 where the body is not JSON.
    """
    body = request.get_data()
    if request.mimetype in JSON_LINES:
        return _lines(body)
    if not is_json():
        raise Problem(
            415,
            "expected Content-Type application/json or application/x-ndjson, found "
            f"{request.mimetype or 'none'!r}",
        )
    try:
        value = decode(body)
    except Problem:
        if body.strip().startswith(b"{") and b"\n" in body.strip():
            return _lines(body)
        raise
    return value if isinstance(value, list) else [value]


def decode(body: bytes) -> object:
    """Return decoded JSON, or raise `Problem` 400."""
    try:
        value: object = loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is not valid JSON: {error}") from None
    return value


def _lines(body: bytes) -> list[object]:
    rows: list[object] = []
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            rows.append(loads(line))
        except orjson.JSONDecodeError as error:
            rows.append(Broken(f"not valid JSON: {error}"))
    return rows
