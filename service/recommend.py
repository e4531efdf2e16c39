"""`/recommend`: who asks and what for in, items for a page without a query out."""

from __future__ import annotations

import time

from flask import Blueprint, Response, request

from search_rerank.answer import Answer
from search_rerank.errors import EngineError, EngineUnavailable
from service.bodies import read_json
from service.in_time import look_up
from service.load import deadline
from service.pages import answer_to
from service.problems import Problem
from service.runtime import Runtime, runtime
from service.schemas import RecommendRequest, parse_recommend, parse_recommend_address
from service.search import check_fields, first_body, page_body, timed
from service.watching import Watching

blueprint = Blueprint("recommend", __name__)


@blueprint.get("/recommend")
def recommend_by_address() -> Response:
    """Recommend by the parameters of the address."""
    return _respond(parse_recommend_address(request.args))


@blueprint.post("/recommend")
def recommend_by_body() -> Response:
    """Recommend by a JSON body."""
    return _respond(parse_recommend(read_json()))


def recommendations(run: Runtime, asked: RecommendRequest) -> Answer:
    """Put a request to the pipeline.

    Raises
    ------
    Problem
        400 where the live index cannot filter on what it names, 404 where it does not hold the
        item asked about.
    """
    wanted = asked.to_recommend(run.config.retrieval.k, run.clock())
    with run.pipeline() as pipeline:
        if asked.item is not None and not look_up(pipeline.engine, [asked.item]):
            raise Problem(404, f"expected an item of the index, found no item {asked.item!r:.60}")
        watching = Watching(run, asked.personalise, asked.places, asked.item)
        try:
            answer = pipeline.recommend(
                wanted,
                personalise=asked.personalise,
                explain=asked.to_explain(asked.start, asked.size),
                watch=watching.watch,
                deadline=deadline(),
                share=run.load.share,
            )
        except EngineUnavailable:
            raise
        except EngineError:
            check_fields(pipeline.engine, wanted.query())
            raise
    return watching.answered(answer)


def _respond(asked: RecommendRequest) -> Response:
    begun = time.perf_counter()
    run = runtime()
    if asked.cursor is not None:
        answer, page, following, _ = answer_to(run, asked)
        return timed(page_body(answer, page, following), begun)
    return timed(first_body(run, asked, recommendations(run, asked)), begun)
