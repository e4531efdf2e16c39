"""`/search`: the words and the shopper in, the items in order out."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
from flask import Blueprint, Response, request

from search_rerank.answer import Answer, Degraded, Hit, RuleUse
from search_rerank.data.item import Item
from search_rerank.engines.base import Engine, Retrieve, live_version
from search_rerank.engines.conditions import conditions
from search_rerank.engines.counting import counts, sort_fields
from search_rerank.errors import EngineError, EngineUnavailable
from search_rerank.last_good import STALE
from search_rerank.paging import Page
from search_rerank.query import Query
from service.bodies import read_json
from service.explaining import with_explained
from service.in_time import items_of
from service.load import deadline
from service.metrics import metrics
from service.pages import answer_to, cursor_after
from service.problems import Problem
from service.runtime import Runtime, runtime
from service.schemas import RecommendRequest, SearchRequest, parse_address, parse_search
from service.watching import Watching

logger = logging.getLogger(__name__)
blueprint = Blueprint("search", __name__)
Places = Mapping[str, Mapping[str, Sequence[tuple[int, int]]]]


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
    if asked.cursor is not None:
        answer, page, following, asked = answer_to(run, asked)
        body = page_body(answer, page, following)
    else:
        answer = ask(run, asked)
        body = first_body(run, asked, answer)
    if asked.highlight:
        ids = [hit["id"] for hit in body["hits"]]
        with run.pipeline() as pipeline:
            places = highlights(pipeline.engine, asked, answer, ids)
        if places is None:
            reason = "the engine could not tell where the words stand"
            body["degraded"].append({"stage": "highlight", "reason": reason})
        else:
            for hit in body["hits"]:
                hit["highlights"] = dict(places.get(hit["id"], {}))
    return timed(body, begun)


def answer_body(run: Runtime, answer: Answer, start: int, size: int) -> dict[str, Any]:
    """Return an answer as JSON, with `size` of its hits from a place on."""
    shown = answer.hits[start : start + size]
    with run.pipeline() as pipeline:
        items, short = items_of(pipeline, [hit.id for hit in shown], is_stale(answer))
    answer = replace(answer, degraded=[*answer.degraded, *short])
    hits = [hit_json(hit, items.get(hit.id), rank) for rank, hit in enumerate(shown, start)]
    return answer_json(answer) | {"hits": hits}


def first_body(
    run: Runtime, asked: SearchRequest | RecommendRequest, answer: Answer
) -> dict[str, Any]:
    """Return the page that was asked for as JSON, with the cursor of the next one."""
    cursor, failed = cursor_after(run, asked, answer)
    answer = replace(answer, degraded=[*answer.degraded, *failed])
    return answer_body(run, answer, asked.start, asked.size) | {"cursor": cursor}


def page_body(answer: Answer, page: Page, cursor: str | None) -> dict[str, Any]:
    """Return a later page as JSON."""
    hits = [
        hit_json(hit, page.items.get(hit.id), rank)
        for rank, hit in enumerate(page.hits, page.first)
    ]
    return answer_json(answer) | {"hits": hits, "cursor": cursor}


def timed(body: dict[str, Any], begun: float) -> Response:
    """Return a body as a response that tells how long it took since `time.perf_counter` said so."""
    degraded = [Degraded(**part) for part in body["degraded"]]
    metrics().answered(body["timings_ms"], body["basis"], degraded)
    body["took_ms"] = round((time.perf_counter() - begun) * 1000, 3)
    return Response(orjson.dumps(body), content_type="application/json")


def ask(run: Runtime, asked: SearchRequest) -> Answer:
    """Put a request to the pipeline.

    Raises
    ------
    Problem
        400 where the live index cannot filter on, count or sort by what it names.
    """
    query = asked.to_query(run.config.retrieval.k, run.clock())
    with run.pipeline() as pipeline:
        watching = Watching(run, asked.personalise, asked.places)
        try:
            answer = pipeline.search(
                query,
                personalise=asked.personalise,
                explain=asked.to_explain(asked.start, asked.size),
                watch=watching.watch,
                deadline=deadline(),
                share=run.load.share,
            )
        except EngineUnavailable:
            raise
        except EngineError:
            check_fields(pipeline.engine, query)
            raise
    return watching.answered(answer)


def highlights(
    engine: Engine, asked: SearchRequest, answer: Answer, ids: Sequence[str]
) -> Places | None:
    """Return where the words that were searched stand in items; None where that failed."""
    text = answer.searched or asked.query
    if not ids or not text.strip():
        return {}
    try:
        return engine.highlight(text, ids)
    except EngineError as error:  # the answer is whole without it
        logger.warning("no highlights: %s", error)
        return None


def is_stale(answer: Answer) -> bool:
    """Return whether an answer holds what was known before the engine went away."""
    return any(part.reason == STALE for part in answer.degraded)


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return all of an answer but its hits."""
    return {
        "id": answer.id,
        "total": answer.total,
        "total_exact": answer.total_exact,
        "facets": {
            field: [{"value": value, "count": count} for value, count in values]
            for field, values in answer.facets.items()
        },
        "statistics": {field: asdict(numbers) for field, numbers in answer.statistics.items()},
        "did_you_mean": answer.did_you_mean,
        "searched": answer.searched,
        "relaxed": list(answer.relaxed),
        "history": answer.history,
        "timings_ms": {stage: round(ms, 3) for stage, ms in answer.timings_ms.items()},
        "stale": is_stale(answer),
        "degraded": [{"stage": part.stage, "reason": part.reason} for part in answer.degraded],
        "bundle": answer.bundle,
        "basis": answer.basis,
        "experiment": asdict(answer.trial) if answer.trial is not None else None,
        "rules": [rule_json(use) | {"items": len(use.items)} for use in answer.rules],
    }


def rule_json(use: RuleUse) -> dict[str, Any]:
    """Return what a rule did."""
    measured = {name: {"before": was, "after": now} for name, (was, now) in use.measured.items()}
    return {"id": use.id, "kind": use.kind, "items": list(use.items), "measured": measured}


def hit_json(hit: Hit, item: Item | None, rank: int) -> dict[str, Any]:
    """Return one hit; `moved` is how many places it rose above the engine's order."""
    row = {
        "id": hit.id,
        "rank": rank,
        "engine_rank": hit.engine_rank,
        "moved": hit.engine_rank - rank,
        "score": float(hit.score),
        "lexical": hit.lexical,
        "vector": hit.vector,
        "explored": hit.explored,
        "team": hit.team,
        "rules": hit.rules,
        "rank_before_rules": hit.rank_before_rules,
        "item": {} if item is None else item_json(item),
    }
    return with_explained(row, hit, rank)


def item_json(item: Item) -> dict[str, Any]:
    """Return the fields of an item that are set."""
    return item.model_dump(mode="json", exclude_defaults=True)


def check_fields(engine: Engine, query: Query) -> None:
    """Raise `Problem` 400 where it is the request that the live index refuses."""
    live = live_version(engine)
    if live is None:
        return
    try:
        conditions(query.filters, live.schema)
        counts(Retrieve("", filters=query.filters, facets=query.facets), live.schema)
        sort_fields(query.sort, live.schema)
    except EngineError as error:
        raise Problem(400, str(error)) from None
