"""What the columns of a table mean as fields of a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_ATTRIBUTE = "attributes."
_JSON_FIELDS = ("attributes", "items", "fields")


class Columns:
    """Turns the cells of one table row into the row that JSON lines would give.

    An empty cell is a missing field, `attributes.NAME` goes under `attributes`, `category` may be
    `A > B`, a JSON list or one name.

    Parameters
    ----------
    names
        The columns, in the order of the cells.
    typed
        Whether cells have types of their own (Parquet). If not (CSV), attributes that look like
        numbers, `true` or `false` are converted; the fields' own types are the model's business,
        so that an id `007` or a title `1984` stays text.
    """

    def __init__(self, names: Sequence[str], typed: bool) -> None:
        self._plan = [_meaning(name, typed) for name in names]

    def __len__(self) -> int:
        return len(self._plan)

    def row(self, cells: Iterable[Any]) -> dict[str, Any]:
        """Return the fields of one row; there is one cell for each column."""
        row: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for (name, is_attribute, convert), cell in zip(self._plan, cells, strict=True):
            if cell is None or cell == "":
                continue
            if convert is not None and isinstance(cell, str):
                cell = convert(cell)
            if is_attribute:
                attributes[name] = cell
            else:
                row[name] = cell
        if attributes:
            nested = row.get("attributes")
            row["attributes"] = (nested if isinstance(nested, dict) else {}) | attributes
        return row


def _meaning(name: str, typed: bool) -> tuple[str, bool, Callable[[str], object] | None]:
    """Return the field's name, whether it is an attribute, and what converts its text."""
    if name.startswith(_ATTRIBUTE):
        return name.removeprefix(_ATTRIBUTE), True, None if typed else _attribute
    if name == "category":
        return name, False, _category
    return name, False, _json if name in _JSON_FIELDS else None


def _attribute(cell: str) -> object:
    text = cell.strip()
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return float(text)
    return _json(text) if text.startswith("[") else text


def _category(cell: str) -> object:
    path = _json(cell) if cell.lstrip().startswith("[") else cell
    if not isinstance(path, str):
        return path
    return [level for level in (part.strip() for part in path.split(">")) if level]


def _json(cell: str) -> object:
    """Return the decoded cell, or its text, which the model then refuses with its own words."""
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell
