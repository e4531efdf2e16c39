"""RankLens (Metarank, 2021): films that people chose from lists of 24, as Metarank's events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search_rerank.data.dataset import Dataset
from search_rerank.data.event import Event, Ranking, parse_event
from search_rerank.data.item import Item, parse_item
from search_rerank.data.refused import Refused
from search_rerank.data.rows import rows
from search_rerank.data.tables import table
from search_rerank.errors import DataError

NAME = "ranklens"
EVENTS = "events.jsonl.gz"
_RATING, _RATINGS = "vote_avg", "vote_cnt"
_UNKNOWN_IF_ZERO = ("budget", "runtime", "release_date")


def is_ranklens(folder: Path) -> bool:
    """Return whether a folder's log begins with an item: the catalogue is part of it."""
    if not (folder / EVENTS).is_file():
        return False
    first = next((row for _, row in rows(folder / EVENTS)), None)
    return isinstance(first, dict) and first.get("event") == "item"


def read_ranklens(folder: Path, refused: Refused | None = None) -> Dataset:
    """Read the set from its folder: catalogue and log are one file.

    `vote_avg` and `vote_cnt` become rating and number of ratings, the other fields of an `item`
    event attributes of the same name; a budget of 0 is left out, since it means that none is known.
    An item that was shown and has no `item` event is named by its id, and noted in `refused`.

    Raises
    ------
    DataError
        Where the file is missing.
    """
    refused = Refused() if refused is None else refused
    items: dict[str, Item] = {}
    events: list[Event] = []
    for line, row in table(folder / EVENTS, ("event", "id", "timestamp"), refused):
        try:
            if row["event"] == "item":
                item = _item(row)
                if items.setdefault(item.id, item) is not item:
                    raise DataError(f"item: expected each once, found {item.id!r} again")
            elif (event := parse_event(row)) is not None:
                events.append(event)
        except DataError as error:
            refused.add(EVENTS, line, str(error), row)
    for event in events:
        for id_ in event.items if isinstance(event, Ranking) else (event.item,):
            if id_ not in items:
                items[id_] = parse_item({"id": id_, "title": f"Item {id_}"})
                refused.note("items without an item event named by their id")
    return Dataset(NAME, list(items.values()), events)


def _item(row: dict[str, Any]) -> Item:
    fields = {field["name"]: field["value"] for field in _fields(row)}
    attributes = {
        name: value
        for name, value in fields.items()
        if name not in ("title", _RATING, _RATINGS) and value not in ("", [])
    }
    for name in _UNKNOWN_IF_ZERO:
        if attributes.get(name) == 0:
            del attributes[name]
    return parse_item(
        {
            "id": row.get("item"),
            "title": fields.get("title"),
            "rating": fields.get(_RATING),
            "rating_count": fields.get(_RATINGS),
            "attributes": attributes,
        }
    )


def _fields(row: dict[str, Any]) -> list[dict[str, Any]]:
    fields = row.get("fields")
    if not isinstance(fields, list) or not all(
        isinstance(field, dict) and {"name", "value"} <= field.keys() for field in fields
    ):
        raise DataError(f"fields: expected a list of objects with name and value, found {fields!r}")
    return fields
