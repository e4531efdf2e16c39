"""A row with some fields, applied to an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from search_rerank.data.item import Item, parse_item
from search_rerank.errors import DataError


def patched(item: Item, row: Mapping[str, Any]) -> Item:
    """Return the item with the fields of a row, checked as a whole.

    Parameters
    ----------
    item
        As it is stored.
    row
        Field to its new value, None removes it; `attributes` likewise, name by name, None removes
        all of them. `id` stays what it is.

    Raises
    ------
    DataError
        Where the outcome is no item: an unknown field, a value of another kind, no title.
    """
    fields: dict[str, Any] = orjson.loads(item.to_json())
    for name, value in row.items():
        if name == "id":
            continue
        if name == "attributes" and value is not None:
            value = _merged(fields.get(name, {}), value)
        if value is None:
            if name not in Item.model_fields:
                parse_item(fields | {name: value})  # a typo is told, not passed over
            fields.pop(name, None)
        else:
            fields[name] = value
    return parse_item(fields)


def _merged(old: Mapping[str, Any], new: object) -> dict[str, Any]:
    if not isinstance(new, Mapping):
        raise DataError(f"attributes: expected an object of those that change, found {new!r:.60}")
    merged = {**old, **new}
    return {name: value for name, value in merged.items() if value is not None}
