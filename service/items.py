"""`/items/<id>/similar`: what is like one item."""

from __future__ import annotations

import time

import orjson
from flask import Blueprint, Response, request

from search_rerank.errors import nearest
from service.problems import Problem
from service.runtime import runtime
from service.search import answer_json, hit_json, look_up

blueprint = Blueprint("items", __name__)
MAX_SIZE = 100


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
            raise Problem(404, f"expected an item of the index, found {item_id!r:.60}")
        answer = pipeline.similar(item_id, size)
        items = look_up(pipeline.engine, [hit.id for hit in answer.hits])
    hits = [hit_json(hit, items.get(hit.id), rank) for rank, hit in enumerate(answer.hits)]
    body = answer_json(answer) | {"hits": hits}
    body["took_ms"] = round((time.perf_counter() - begun) * 1000, 3)
    return Response(orjson.dumps(body), content_type="application/json")


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_SIZE:
        raise Problem(400, f"size: expected a number from 1 to {MAX_SIZE}, found {text!r:.60}")
    return int(text)
