"""JSON lines as numbered rows; a broken line is a problem of its own and loses no neighbour."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import orjson

from search_rerank.data.lines import ByteStream, Problem, Unfinished, as_text, lines
from search_rerank.data.nesting import loads
from search_rerank.errors import DataError

_BOM = b"\xef\xbb\xbf"


def json_rows(name: str, stream: ByteStream) -> Iterator[tuple[int, Any | Problem]]:
    """Yield (number of the line, decoded value or problem); blank lines are passed over.

    Raises
    ------
    DataError
        Where the file is one JSON document rather than one a line.
    """
    first = True
    for number, line in lines(stream):
        if isinstance(line, Problem):
            if first and str(line.raw).startswith("["):
                raise DataError(_one_document(name, "an array", ".[]"))
            yield number, line
            continue
        data = line.removeprefix(_BOM) if number == 1 else bytes(line)
        if not data or data.isspace():
            continue
        try:
            value = loads(data)
        except orjson.JSONDecodeError as error:
            start = data.lstrip()
            if first and start.startswith(b"["):
                raise DataError(_one_document(name, "an array", ".[]")) from None
            if first and start.rstrip() == b"{":
                raise DataError(_one_document(name, "one over several lines", ".")) from None
            cut_off = isinstance(line, Unfinished)
            yield number, Problem(_broken(data, error), as_text(data), cut_off)
        else:
            if first and isinstance(value, list) and all(isinstance(one, dict) for one in value):
                raise DataError(_one_document(name, "an array", ".[]"))
            yield number, value
        first = False


def _one_document(name: str, found: str, filter_: str) -> str:
    return (
        f"{name}: expected JSON lines (one object in each line), found {found}: convert it with "
        f"jq -c '{filter_}' {shlex.quote(name)} > converted.jsonl"
    )


def _broken(data: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return f"not valid UTF-8, found {wrong.reason} at byte {wrong.start + 1}"
    if b"NaN" in data or b"Infinity" in data:
        hint = " (NaN and Infinity are no JSON: leave the field out)"
    else:
        hint = ""
    return f"not valid JSON, found {error.msg} at character {error.pos + 1}{hint}"
