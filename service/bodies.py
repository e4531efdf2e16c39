"""Reading the body of a request."""

from __future__ import annotations

import orjson
from flask import request

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


def decode(body: bytes) -> object:
    """Return decoded JSON, or raise `Problem` 400."""
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is not valid JSON: {error}") from None
    return value
