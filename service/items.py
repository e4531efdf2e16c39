"""`/items`: one product read, put, changed, removed; many at once; what is like one."""

from __future__ import annotations

import time
from typing import Any

import orjson
from flask import Blueprint, Response, request

from search_rerank.data.item import Item, parse_item
from search_rerank.engines.base import Outcome
from search_rerank.errors import DataError, nearest
from service.bodies import Broken, read_json, read_rows
from service.in_time import look_up
from service.problems import Problem
from service.runtime import runtime
from service.search import answer_body, item_json, timed

blueprint = Blueprint("items", __name__)
MAX_SIZE = 100
MAX_BATCH = 1_000
_STATUS = {"stale": 409, "conflict": 409, "refused": 422}
_REASON = {
    "stale": "a newer state of this item is stored: read it, and send a later updated_at",
    "conflict": "others changed this item all the while: read it and send the change again",
}


@blueprint.get("/items/<path:item_id>")
def get_item(item_id: str) -> Response:
    """Return one item; 404 where the index does not hold it."""
    with runtime().pipeline() as pipeline:
        found = look_up(pipeline.engine, [item_id])
    if not found:
        raise _unknown(item_id)
    return _json(item_json(found[item_id]))


@blueprint.put("/items/<path:item_id>")
def put_item(item_id: str) -> Response:
    """Write a whole item: 201 where there was none, 409 where a newer one is stored."""
    item = _item({"id": item_id} | _object(), item_id)
    with runtime().changes() as (changes, engine):
        new = not look_up(engine, [item.id])
        (outcome,) = changes.put([item])
    return _told(item.id, outcome, 201 if new else 200)


@blueprint.patch("/items/<path:item_id>")
def patch_item(item_id: str) -> Response:
    """Change some fields of an item, null removes one: 404, 409 and 422 as they say."""
    row = _object()
    if row.get("id", item_id) != item_id:
        raise _other_id(item_id, row["id"])
    if not row.keys() - {"id"}:
        raise Problem(400, "expected the fields that change, found none")
    with runtime().changes() as (changes, engine):
        if not look_up(engine, [item_id]):
            raise _unknown(item_id)
        (outcome,) = changes.patch([row | {"id": item_id}])
    return _told(item_id, outcome, 200)


@blueprint.delete("/items/<path:item_id>")
def delete_item(item_id: str) -> Response:
    """Remove an item: 404 where the index does not hold it."""
    with runtime().changes() as (changes, _):
        (outcome,) = changes.delete([item_id])
    if outcome.status == "unchanged":
        raise _unknown(item_id)
    return _told(item_id, outcome, 200)


@blueprint.post("/items")
def post_items() -> Response:
    """Write whole items, an array or JSON lines, and tell the outcome of each row."""
    rows = read_rows()
    if not 1 <= len(rows) <= MAX_BATCH:
        raise Problem(400, f"expected 1 to {MAX_BATCH} items, found {len(rows)}")
    told: list[dict[str, Any]] = []
    good: list[tuple[int, Item]] = []
    for n, row in enumerate(rows):
        try:
            if isinstance(row, Broken):
                raise DataError(row.reason)
            item = parse_item(row)
            good.append((n, item))
            told.append({"index": n, "id": item.id})
        except DataError as error:
            told.append({"index": n, "status": "refused", "reason": str(error)})
    if good:
        with runtime().changes() as (changes, _):
            outcomes = changes.put([item for _, item in good])
        for (n, item), outcome in zip(good, outcomes, strict=True):
            told[n] |= _outcome(item.id, outcome)
    if all(row["status"] == "refused" for row in told):
        reason = told[0].get("reason")
        raise Problem(422, f"none of {len(rows)} items written; first: {reason}", outcomes=told)
    written = sum(row["status"] == "written" for row in told)
    return _json({"written": written, "outcomes": told})


@blueprint.get("/items/<path:item_id>/similar")
def similar(item_id: str) -> Response:
    """Return the items most like one, best first; 404 for an item that the index does not hold."""
    begun = time.perf_counter()
    for name in request.args:
        if name != "size":
            raise Problem(400, f"unknown parameter {name[:60]!r}{nearest(name[:60], ['size'])}")
    size = _size(request.args.get("size", "10"))
    with runtime().pipeline() as pipeline:
        if not look_up(pipeline.engine, [item_id]):
            raise _unknown(item_id)
        answer = pipeline.similar(item_id, size, runtime().clock())
    return timed(answer_body(runtime(), answer, 0, size), begun)


def _object() -> dict[str, Any]:
    value = read_json()
    if not isinstance(value, dict):
        raise Problem(400, f"expected an object of fields, found {value!r:.60}")
    return value


def _item(row: dict[str, Any], item_id: str) -> Item:
    try:
        item = parse_item(row)
    except DataError as error:
        raise Problem(422, str(error)) from None
    if item.id != item_id:
        raise _other_id(item_id, item.id)
    return item


def _told(item_id: str, outcome: Outcome, status: int) -> Response:
    body = _outcome(item_id, outcome)
    if outcome.status in _STATUS:
        raise Problem(_STATUS[outcome.status], body.pop("reason"), outcome=body)
    return _json(body, status)


def _outcome(item_id: str, outcome: Outcome) -> dict[str, Any]:
    row = {"id": item_id, "status": outcome.status}
    reason = outcome.reason or _REASON.get(outcome.status)
    return row if reason is None else row | {"reason": reason}


def _unknown(item_id: str) -> Problem:
    return Problem(404, f"expected an item of the index, found {item_id!r:.60}")


def _other_id(item_id: str, found: object) -> Problem:
    return Problem(400, f"id: expected {item_id!r:.60} as in the address, found {found!r:.60}")


def _size(text: str) -> int:
    number = text.isascii() and text.isdigit() and len(text) < 10
    if not number or not 1 <= int(text) <= MAX_SIZE:
        raise Problem(400, f"size: expected a number from 1 to {MAX_SIZE}, found {text!r:.60}")
    return int(text)


def _json(body: object, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, content_type="application/json")
