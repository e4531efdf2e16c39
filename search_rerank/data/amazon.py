"""Amazon Beauty 5-core (McAuley et al., 2015): purchases, titles, category paths and queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
from pydantic import ValidationError

from search_rerank.data.dataset import Dataset
from search_rerank.data.event import Interaction
from search_rerank.data.item import Item, explain, parse_item
from search_rerank.data.refused import Refused
from search_rerank.data.tables import table
from search_rerank.errors import DataError

ITEMS = "items.csv.gz"
INTERACTIONS = "interactions.csv.gz"
QUERIES = "hem_recipe_queries.csv.gz"
FILES = (ITEMS, INTERACTIONS, QUERIES)
"""The files that are read; `s3rec_Beauty.txt.gz` holds the same sequences once more."""


def read_amazon_beauty(folder: Path, refused: Refused | None = None) -> Dataset:
    """Read the set from its folder.

    Purchases become interactions without query and session, in the order of (timestamp, position
    in the user's history), then of the file. `query_items` are the artificial queries of Ai et
    al. (2017), each a category path. The set names no brands, but its titles open with them: the
    first word stands for the brand. An item without a title is named by its narrowest category and
    its id, and noted in `refused`.

    Raises
    ------
    DataError
        Where a file is missing or lacks a column.
    """
    refused = Refused() if refused is None else refused
    items = list(_items(folder / ITEMS, refused))
    known = {item.id for item in items}
    return Dataset(
        "amazon_beauty_5core",
        items,
        _purchases(folder / INTERACTIONS, known, refused),
        _query_items(folder / QUERIES, known, refused),
    )


def _items(path: Path, refused: Refused) -> Iterator[Item]:
    spelled: dict[str, str] = {}  # OPI and Opi are one brand, as first met
    for line, row in table(path, ("asin",), refused):
        try:
            category = _first_path(row.get("categories_json"))
            title = row.get("title", "").strip()
            word = title.split()[0].strip(",") if title else ""
            brand = spelled.setdefault(word.casefold(), word) or None
            if not title:
                title = f"{category[-1] if category else 'Item'} {row['asin']}"
                refused.note("items without a title named by category and id")
            yield parse_item(
                {"id": row["asin"], "title": title, "brand": brand, "category": category}
            )
        except DataError as error:
            refused.add(path.name, line, str(error), row)


def _first_path(cell: str | None) -> list[str]:
    try:
        paths = orjson.loads(cell) if cell else []
    except orjson.JSONDecodeError:
        paths = None
    if not isinstance(paths, list) or not all(isinstance(path, list) for path in paths):
        raise DataError(f"categories_json: expected a JSON list of paths, found {cell!r:.60}")
    return paths[0] if paths else []


def _purchases(path: Path, known: set[str], refused: Refused) -> list[Interaction]:
    needed = ("user_id", "asin", "position", "timestamp")
    events: list[Interaction] = []
    positions: list[int] = []
    for line, row in table(path, needed, refused):
        user, item = row["user_id"], row["asin"]
        try:
            position, time_s = int(row["position"]), int(row["timestamp"])
        except ValueError as error:
            refused.add(path.name, line, f"expected whole numbers, found {error}", row)
            continue
        if item not in known:
            refused.add(path.name, line, f"asin: expected a known item, found {item!r}", row)
            continue
        try:
            event = Interaction.model_validate(
                {
                    "id": f"{user}-{position}",
                    "timestamp": time_s * 1000,
                    "user": user,
                    "item": item,
                    "type": "purchase",
                }
            )
        except ValidationError as error:
            refused.add(path.name, line, explain(error, Interaction.model_fields), row)
            continue
        events.append(event)
        positions.append(position)
    order = np.lexsort((positions, [event.time_ms for event in events]))
    return [events[n] for n in order.tolist()]


def _query_items(path: Path, known: set[str], refused: Refused) -> dict[str, list[str]]:
    query_items: dict[str, list[str]] = {}
    for line, row in table(path, ("query", "asin"), refused):
        if row["asin"] in known:
            query_items.setdefault(row["query"], []).append(row["asin"])
        else:
            reason = f"asin: expected a known item, found {row['asin']!r}"
            refused.add(path.name, line, reason, row)
    return query_items
