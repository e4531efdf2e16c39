"""JSON from outside, decoded as far as it is nested no deeper than anything that is meant."""

from __future__ import annotations

from typing import Any

import orjson

_LEVELS = 254
"""As many as orjson writes; it reads 1,024, of which Python cannot print the innermost."""


def loads(data: bytes) -> Any:
    """Return decoded JSON.

    Raises
    ------
    orjson.JSONDecodeError
        Where it is none, or nested deeper than anything that prints or checks it can follow.
    """
    value = orjson.loads(data)
    if data.count(b"[") + data.count(b"{") > _LEVELS:
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError:
            raise orjson.JSONDecodeError(f"nested deeper than {_LEVELS} levels", "", 0) from None
    return value
