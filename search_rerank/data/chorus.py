"""Chorus: an electronics shop of Icecat products with human ratings of what queries find."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

from search_rerank.data.judgements import Judgements, Row, read_gains, read_products
from search_rerank.data.refused import Refused
from search_rerank.errors import DataError

NAME = "chorus_icecat"
PRODUCTS = "products.jsonl.gz"
RATINGS = "Broad_Query_Set_rated.csv.gz"
_ATTRIBUTE = re.compile(r"attr_[tnb]_(.+)")
# Icecat parts the values of a list by a comma without a space; "1,5" is a number.
_VALUES = re.compile(r",(?=[^\s\d])|(?<!\d),(?=\S)")
_MAX_VALUE = 500


def read_chorus(folder: Path, refused: Refused | None = None) -> Judgements:
    """Read the set from its folder; a rating of 0 to 3 is the gain.

    The supplier becomes the brand, the name (a part number) the attribute `mpn`, `attr_T_NAME` the
    attribute NAME (of several types T the first), the year of the release the attribute
    `released`. Prices are whole hundredths of a currency that the set does not name.

    Raises
    ------
    DataError
        Where a file is missing or holds nothing of use.
    """
    refused = Refused() if refused is None else refused
    items = list(read_products(folder / PRODUCTS, ("id", "title"), _item, refused))
    known = {item.id for item in items}
    gains = read_gains(folder / RATINGS, "docid", "rating", _gain, known, refused)
    return Judgements(NAME, items, gains)


def _item(row: Row) -> Row:
    item = {"id": row["id"], "title": row["title"], "attributes": _attributes(row)}
    if row.get("short_description"):
        item["description"] = row["short_description"]
    if row.get("supplier"):
        item["brand"] = row["supplier"]
    if (price := row.get("price")) is not None:
        if isinstance(price, bool) or not isinstance(price, int) or price <= 0:
            raise DataError(f"price: expected a whole number of hundredths, found {price!r}")
        item["price"] = price / 100
    return item


def _attributes(row: Row) -> Row:
    attributes: dict[str, Any] = {}
    if row.get("name"):
        attributes["mpn"] = row["name"]
    if year := str(row.get("date_released") or "")[:4]:
        if not year.isdigit():
            raise DataError(f"date_released: expected a date, found {row['date_released']!r}")
        attributes["released"] = int(year)
    for name, value in row.items():
        if (match := _ATTRIBUTE.fullmatch(name)) and value not in (None, ""):
            attributes.setdefault(match[1].strip("_"), _value(value))
    return attributes


def _value(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part for piece in _VALUES.split(value) for part in textwrap.wrap(piece, _MAX_VALUE)]
    return parts if len(parts) > 1 else value


def _gain(cell: str) -> float:
    if cell not in ("0", "1", "2", "3"):
        raise DataError(f"rating: expected 0, 1, 2 or 3, found {cell!r}")
    return float(cell)
