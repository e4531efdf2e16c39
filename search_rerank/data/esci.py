"""Amazon Shopping Queries (Reddy et al., 2022): products judged exact, substitute and so on."""

from __future__ import annotations

from pathlib import Path

from search_rerank.data.judgements import Judgements, Row, read_gains, read_products
from search_rerank.data.refused import Refused
from search_rerank.errors import DataError

NAME = "esci_us_subset"
PRODUCTS = "products.jsonl.gz"
JUDGEMENTS = "judgments.csv.gz"
GAINS = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}
"""Gain of an exact match, a substitute, a complement and what is irrelevant, as the paper has."""


def read_esci(folder: Path, refused: Refused | None = None) -> Judgements:
    """Read the set from its folder, gains by label.

    Description and bullet points become the description, colour and whether it is a book become
    attributes. Prices are US dollars.

    Raises
    ------
    DataError
        Where a file is missing or holds nothing of use.
    """
    refused = Refused() if refused is None else refused
    items = list(read_products(folder / PRODUCTS, ("asin", "title"), _item, refused))
    known = {item.id for item in items}
    gains = read_gains(folder / JUDGEMENTS, "asin", "esci_label", _gain, known, refused)
    return Judgements(NAME, items, gains)


def _item(row: Row) -> Row:
    texts = [row.get(name) for name in ("description", "bullet_points")]
    attributes = {name: row.get(name) for name in ("color", "is_book")}
    item = {
        "id": row["asin"],
        "title": row["title"],
        "description": "\n".join(text for text in texts if text),
        "brand": row.get("brand"),
        "category": row.get("category"),
        "price": row.get("price"),
        "currency": None if row.get("price") is None else "USD",
        "rating": row.get("rating"),
        "rating_count": row.get("rating_count"),
        "image_url": row.get("image"),
        "attributes": {name: value for name, value in attributes.items() if value is not None},
    }
    return {name: value for name, value in item.items() if value not in (None, "")}


def _gain(cell: str) -> float:
    if cell not in GAINS:
        raise DataError(f"esci_label: expected {', '.join(GAINS)}, found {cell!r}")
    return GAINS[cell]
