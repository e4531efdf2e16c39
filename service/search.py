"""`/search`: the words and the shopper in, the items in order out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import orjson
from flask import Blueprint, Response, request

from search_rerank.answer import Answer, Hit
from search_rerank.data.item import Item
from search_rerank.engines.base import Engine
from search_rerank.errors import EngineError, EngineUnavailable
from service.bodies import read_json
from service.problems import Problem
from service.runtime import Runtime, runtime
from service.schemas import SearchRequest, parse_address, parse_search

blueprint = Blueprint("search", __name__)


@blueprint.get("/search")
def search_by_address() -> Response:
    """Search by the parameters of the address."""
    return respond(parse_address(request.args))


@blueprint.post("/search")
def search_by_body() -> Response:
    """Search by a JSON body."""
    return respond(parse_search(read_json()))


def respond(asked: SearchRequest) -> Response:
    """Answer a checked request as JSON."""
    begun = time.perf_counter()
    run = runtime()
    answer = ask(run, asked)
    shown = answer.hits[asked.start : asked.start + asked.size]
    with run.pipeline() as pipeline:
        items = look_up(pipeline.engine, [hit.id for hit in shown])
    hits = [
        hit_json(hit, items.get(hit.id), rank) for rank, hit in enumerate(shown, start=asked.start)
    ]
    body = answer_json(answer) | {"hits": hits}
    body["took_ms"] = round((time.perf_counter() - begun) * 1000, 3)
    return Response(orjson.dumps(body), content_type="application/json")


def ask(run: Runtime, asked: SearchRequest) -> Answer:
    """Put a request to the pipeline.

    Raises
    ------
    Problem
        400 where it names an attribute that the live index cannot filter on or count.
    """
    query = asked.to_query(run.config.retrieval.k, run.clock())
    with run.pipeline() as pipeline:
        try:
            return pipeline.search(query, personalise=asked.personalise, explain=asked.explain)
        except EngineUnavailable:
            raise
        except EngineError as error:
            if asked.attributes() - set(run.attributes()):
                raise Problem(400, str(error)) from None
            raise


def look_up(engine: Engine, ids: Sequence[str]) -> dict[str, Item]:
    """Return the items that the engine holds, by id."""
    found = engine.lookup(ids) if ids else []
    return {id_: stored.item for id_, stored in zip(ids, found, strict=True) if stored is not None}


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return what an answer tells beside its hits."""
    return {
        "total": answer.total,
        "facets": {
            field: [{"value": value, "count": count} for value, count in values]
            for field, values in answer.facets.items()
        },
        "history": answer.history,
        "timings_ms": {stage: round(ms, 3) for stage, ms in answer.timings_ms.items()},
        "degraded": [{"stage": part.stage, "reason": part.reason} for part in answer.degraded],
        "bundle": answer.bundle,
    }


def hit_json(hit: Hit, item: Item | None, rank: int) -> dict[str, Any]:
    """Return one hit; `moved` is how many places it rose above the engine's order."""
    fields = {} if item is None else item.model_dump(mode="json", exclude_defaults=True)
    row = {
        "id": hit.id,
        "rank": rank,
        "engine_rank": hit.engine_rank,
        "moved": hit.engine_rank - rank,
        "score": float(hit.score),
        "lexical": hit.lexical,
        "vector": hit.vector,
        "item": fields,
    }
    if hit.features is not None:
        row["features"] = dict(hit.features)
    return row
