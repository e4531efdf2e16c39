"""A Google Merchant product feed as rows of a catalogue."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from search_rerank.data.csv_rows import CellRow
from search_rerank.data.feeds import (
    attribute_name,
    attribute_value,
    parse_price,
    path_of,
    plain_text,
)
from search_rerank.data.lines import Problem
from search_rerank.errors import DataError

_IN_STOCK = {
    "in_stock": True,
    "out_of_stock": False,
    "preorder": False,
    "pre_order": False,
    "backorder": False,
    "back_order": False,
}
_FIELDS = {
    "id": "id",
    "title": "title",
    "link": "url",
    "image_link": "image_url",
    "brand": "brand",
    "item_group_id": "group_id",
}
_LISTS = frozenset(
    "additional_image_link ads_labels excluded_destination included_destination "
    "lifestyle_image_link product_highlight promotion_id".split()
)
_KNOWN = frozenset({"link", "image_link", "availability"})
_OURS = frozenset({"image_url", "in_stock", "group_id", "rating_count", "updated_at"})
_CONFIDENTIAL = frozenset({"cost_of_goods_sold", "auto_pricing_min_price"})
_BRACKETS = re.compile(r".*\[(.+)\]\s*")
_DETAIL = re.compile(r"\(.*\)\s*")


def is_merchant(names: Sequence[str]) -> bool:
    """Whether a table with these columns is a Merchant feed."""
    known = {merchant_name(name) for name in names}
    ours = known & _OURS or any(name.startswith("attributes") for name in known)
    return {"id", "title"} <= known and bool(known & _KNOWN) and not ours


def merchant_name(text: str) -> str:
    """Return an attribute's name as the specification has it: `Image Link [g:...]` and so on."""
    bracketed = _BRACKETS.fullmatch(text)
    name = _DETAIL.sub("", bracketed.group(1) if bracketed else text)
    return attribute_name(name).removeprefix("g:")


def merchant_rows(
    names: Sequence[str], cells: Iterator[CellRow], note: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield (line, row of the catalogue or problem) of a feed that is a table.

    A column may be there several times; see `merchant_row` for the rest.
    """
    columns = [merchant_name(name) for name in names]
    for number, row in cells:
        if isinstance(row, Problem):
            yield number, row
            continue
        fields: dict[str, list[str]] = {}
        for column, cell in zip(columns, row, strict=True):
            text = cell.strip()
            if text:
                several = column in _LISTS or (column == "product_type" and text.startswith('"'))
                fields.setdefault(column, []).extend(_values(text) if several else [text])
        yield number, merchant_row(fields, note)


def _values(cell: str) -> list[str]:
    """Return the values of a cell that may hold several: commas between, quotes around commas."""
    try:
        values = next(csv.reader([cell], skipinitialspace=True, strict=True), [])
    except csv.Error:
        return [cell]
    return [value.strip() for value in values if value.strip()]


def merchant_row(
    fields: Mapping[str, Sequence[str]], note: Callable[[str], None]
) -> dict[str, Any] | Problem:
    """Return one product as a row of the catalogue, or what is wrong with it.

    Parameters
    ----------
    fields
        The feed's attributes by name, each with its values, none of them empty.
    note
        Told what is left out without being wrong.

    Returns
    -------
    A problem's raw row has the catalogue's fields, so that it can be corrected and loaded.
    """
    row: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    wrong: list[str] = []
    for name, values in fields.items():
        if name in _FIELDS:
            row[_FIELDS[name]] = values[0]
        elif name == "description":
            row["description"] = plain_text(values[0])
        elif name == "availability":
            _availability(values[0], row, attributes, wrong)
        elif name in _CONFIDENTIAL:
            note(f"{name} left out: it is not for shoppers")
        elif name not in ("price", "sale_price"):
            value = attribute_value(values, note)
            if value is not None:
                attributes[name] = value
    _category(fields, row, attributes)
    _price(fields, row, attributes, wrong)
    if attributes:
        row["attributes"] = attributes
    return Problem("; ".join(wrong), row) if wrong else row


def _availability(
    value: str, row: dict[str, Any], attributes: dict[str, Any], wrong: list[str]
) -> None:
    known = attribute_name(value)
    row["in_stock"] = _IN_STOCK.get(known, value)
    if known in _IN_STOCK:
        attributes["availability"] = known
    else:
        wrong.append(
            f"in_stock: expected availability in_stock, out_of_stock, preorder or backorder, "
            f"found {value!r:.60}"
        )


def _category(
    fields: Mapping[str, Sequence[str]], row: dict[str, Any], attributes: dict[str, Any]
) -> None:
    """Take the shop's own path, else Google's, unless that is a number."""
    for name in ("product_type", "google_product_category"):
        path = unescape(fields[name][0]) if name in fields else ""
        if path and not path.isdigit():
            row["category"] = path_of(path)
            if len(fields[name]) == 1:
                attributes.pop(name, None)
            return


def _price(
    fields: Mapping[str, Sequence[str]],
    row: dict[str, Any],
    attributes: dict[str, Any],
    wrong: list[str],
) -> None:
    """Set the price; a sale that has no dates is on, and what it lowers is the regular price."""
    amounts: dict[str, float] = {}
    currencies: dict[str, str] = {}
    faulty: str | None = None
    for name in ("price", "sale_price"):
        for text in fields.get(name, ())[:1]:
            try:
                amounts[name], currency = parse_price(text)
            except DataError as error:
                wrong.append(f"price: {name}: {error}")
                faulty = text
            else:
                if currency is not None:
                    currencies[name] = currency
    if len(set(currencies.values())) > 1:
        faulty = fields["sale_price"][0]
        wrong.append(
            f"price: expected sale_price in the currency of price, {currencies['price']}, "
            f"found {faulty!r:.60}"
        )
    price, sale = amounts.get("price"), amounts.get("sale_price")
    if sale is not None and "sale_price_effective_date" in fields:
        attributes["sale_price"] = sale
    elif sale is not None:
        if price is not None:
            attributes["regular_price"] = price
        price = sale
    if faulty is not None or price is not None:
        row["price"] = price if faulty is None else faulty
    for currency in currencies.values():
        row.setdefault("currency", currency)
