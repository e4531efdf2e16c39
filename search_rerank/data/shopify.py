"""A Shopify product export as rows of a catalogue: one item for each variant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
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

Cells = dict[str, str]
Numbered = tuple[int, Cells]

_MAX_ROWS = 10_000
"""Rows of one product that are held at a time; Shopify allows 2,048 variants and 250 images."""
_COLUMNS = {
    "url handle": "handle",
    "body (html)": "body",
    "description": "body",
    "published on online store": "published",
    "product category": "category",
    "variant sku": "sku",
    "variant barcode": "barcode",
    "variant price": "price",
    "variant compare at price": "compare-at price",
    "variant grams": "grams",
    "weight value (grams)": "grams",
    "variant inventory tracker": "inventory tracker",
    "variant inventory qty": "inventory quantity",
    "variant inventory policy": "inventory policy",
    "continue selling when out of stock": "inventory policy",
    "image src": "image",
    "product image url": "image",
    "variant image url": "variant image",
}
"""Columns of the older and of the newer export, in lower case, and what they are called here."""
_VARIANT = ("option1 value", "sku", "price")
_OPTIONS = ("option1", "option2", "option3")
_HIDDEN = ("draft", "archived", "unlisted")
_GOOGLE = "google shopping / "
_GOOGLE_NAMES = {"manufacturer part number (mpn)": "mpn"}
_METAFIELD = re.compile(r".*\(product\.metafields\.(\w+)\.([\w-]+)\)")


def is_shopify(names: Sequence[str]) -> bool:
    """Whether a table with these columns is a Shopify product export."""
    known = {_column(name) for name in names}
    return "handle" in known and bool(known & {"option1 value", "price"})


def _column(name: str) -> str:
    lower = name.strip().lower()
    return _COLUMNS.get(lower, lower)


def shopify_rows(
    names: Sequence[str], cells: Iterator[CellRow], note: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield (line, row of the catalogue or problem) of each variant, a product at a time.

    Rows of one product follow each other; `note` is told of products that are not for sale.
    """
    columns = [_column(name) for name in names]
    product: list[Numbered] = []
    for number, row in cells:
        if isinstance(row, Problem):
            yield number, row
            continue
        filled = {
            column: text
            for column, cell in zip(columns, row, strict=True)
            if (text := cell.strip())
        }
        handle = filled.get("handle")
        if product and (handle != product[0][1].get("handle") or len(product) >= _MAX_ROWS):
            yield from _items(product, columns, note)
            product = []
        product.append((number, filled))
    if product:
        yield from _items(product, columns, note)


def _items(
    product: Sequence[Numbered], columns: Sequence[str], note: Callable[[str], None]
) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    first = product[0][1]
    # Rows without any of these only add an image; the first row is a variant whatever it lacks.
    variants = [product[0]]
    variants += [row for row in islice(product, 1, None) if any(c in row[1] for c in _VARIANT)]
    hidden = _hidden(first)
    if hidden is not None:
        for _ in variants:
            note(hidden)
        return
    images = list(dict.fromkeys(row["image"] for _, row in product if "image" in row))
    skus = [row.get("sku") for _, row in variants]
    own_skus = None not in skus and len(set(skus)) == len(skus)
    for place, (number, row) in enumerate(variants, start=1):
        handle = first.get("handle")
        numbered = handle if handle is None or len(variants) == 1 else f"{handle}-{place}"
        id_ = row["sku"] if own_skus else numbered
        yield number, _item(id_, first, row, len(variants) > 1, images, columns, note)


def _hidden(first: Cells) -> str | None:
    """Return why a product is not in the shop, None where it is or its status is unknown."""
    status = first.get("status", "active").lower()
    if status in _HIDDEN:
        return f"variants of Shopify products with status {status} left out"
    if first.get("published", "true").lower() == "false":
        return "variants of Shopify products that are not published left out"
    return None


def _item(
    id_: str | None,
    first: Cells,
    row: Cells,
    several: bool,
    images: Sequence[str],
    columns: Sequence[str],
    note: Callable[[str], None],
) -> dict[str, Any] | Problem:
    """Return one variant; a problem's raw row has the catalogue's fields, to be corrected."""
    wrong: list[str] = []
    options = {
        first[f"{option} name"]: row[f"{option} value"]
        for option in _OPTIONS
        if f"{option} name" in first
        and row.get(f"{option} value", "Default Title") != "Default Title"
    }
    title = first.get("title")
    if title and several and options:
        title += " - " + " / ".join(options.values())
    handle = first.get("handle")
    if handle is None:
        wrong.append("group_id: expected a handle in each row, found none")
    if first.get("status", "active").lower() != "active":
        wrong.append(f"status: expected active, draft or archived, found {first['status']!r:.60}")
    image = row.get("variant image") or next(iter(images), None)
    attributes: dict[str, Any] = {}
    fields: dict[str, Any] = {
        "id": id_,
        "title": title,
        "description": plain_text(first.get("body", "")) or None,
        "brand": first.get("vendor"),
        "category": path_of(first.get("category", first.get("type", ""))) or None,
        "price": _price(row, attributes, wrong),
        "in_stock": _in_stock(row, columns, wrong),
        "image_url": image,
        "url": None if handle is None else f"/products/{handle}",
        "group_id": handle,
    }
    for name, values in _attributes(first, row, options):
        value = attribute_value(values, note)
        if name and value is not None:
            attributes.setdefault(name, value)
    if "grams" in row:
        attributes["grams"] = _grams(row["grams"], wrong)
    others = attribute_value([one for one in images if one != image], note)
    if others is not None:
        attributes["additional_image_link"] = others
    fields["attributes"] = attributes or None
    kept = {name: value for name, value in fields.items() if value is not None}
    return Problem("; ".join(wrong), kept) if wrong else kept


def _price(row: Cells, attributes: dict[str, Any], wrong: list[str]) -> float | str | None:
    amounts: dict[str, float] = {}
    for name in ("price", "compare-at price"):
        if name in row:
            try:
                amounts[name], _ = parse_price(row[name])
            except DataError as error:
                wrong.append(f"price: {name}: {error}")
                return row[name]
    price = amounts.get("price")
    if price is not None and amounts.get("compare-at price", 0) > price:
        attributes["regular_price"] = amounts["compare-at price"]
    return price


def _in_stock(row: Cells, columns: Sequence[str], wrong: list[str]) -> bool | str | None:
    """Return whether the variant can be bought; None where the export does not tell."""
    if "inventory tracker" in columns and "inventory tracker" not in row:
        return True  # Nobody counts it, so that it is always for sale.
    if row.get("inventory policy", "deny").lower() in ("continue", "true"):
        return True
    quantity = row.get("inventory quantity")
    if quantity is None:
        return None
    try:
        return int(quantity) > 0
    except ValueError:
        wrong.append(f"in_stock: expected a whole number as quantity, found {quantity!r:.60}")
        return quantity


def _grams(text: str, wrong: list[str]) -> float | str:
    try:
        return float(text)
    except ValueError:
        wrong.append(f"attributes.grams: expected a number, found {text!r:.60}")
        return text


def _attributes(
    first: Cells, row: Cells, options: dict[str, str]
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what a shopper may filter by or type: options, codes, tags, more of the product."""
    for name, value in options.items():
        yield attribute_name(name), [value]
    yield "sku", [row["sku"]] if "sku" in row else []
    # Spreadsheets are told by an apostrophe that a barcode is text.
    yield "gtin", [row["barcode"].removeprefix("'")] if "barcode" in row else []
    yield "tags", [tag.strip() for tag in first.get("tags", "").split(",") if tag.strip()]
    yield "type", [first["type"]] if "type" in first else []
    for column, value in (first | row).items():
        metafield = _METAFIELD.fullmatch(column)
        if metafield is not None:
            # Shopify's own metafields hold lists, `Red; Blue`; a shop's own may be any text.
            parts = value.split(";") if metafield[1] == "shopify" else [value]
            yield attribute_name(metafield[2]), [part.strip() for part in parts if part.strip()]
        elif column.startswith(_GOOGLE):
            name = column.removeprefix(_GOOGLE)
            yield attribute_name(_GOOGLE_NAMES.get(name, name)), [value]
