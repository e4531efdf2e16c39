"""`/rerank`: the caller's own candidates in, the same ones in order out."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response

from search_rerank.answer import Hit
from service.bodies import read_json
from service.explaining import with_explained
from service.load import deadline
from service.runtime import runtime
from service.schemas import parse_rerank
from service.search import answer_json, timed
from service.watching import Watching

blueprint = Blueprint("rerank", __name__)


@blueprint.post("/rerank")
def rerank() -> Response:
    """Rank the items of a JSON body; each that no rule hides is in the answer, known or not."""
    begun = time.perf_counter()
    run = runtime()
    asked = parse_rerank(read_json())
    query = asked.to_query(run.clock())
    with run.pipeline() as pipeline:
        watching = Watching(run, asked.personalise, range(min(asked.size, len(asked.items))))
        answer = pipeline.rerank(
            query,
            asked.items,
            personalise=asked.personalise,
            explain=asked.to_explain(0, asked.size),
            watch=watching.watch,
            deadline=deadline(),
            share=run.load.share,
        )
    answer = watching.answered(answer)
    hits = [_hit(hit, rank) for rank, hit in enumerate(answer.hits[: asked.size])]
    return timed(answer_json(answer) | {"hits": hits}, begun)


def _hit(hit: Hit, rank: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": hit.id,
        "rank": rank,
        "given_rank": hit.engine_rank,
        "score": hit.score,
        "rules": hit.rules,
        "rank_before_rules": hit.rank_before_rules,
    }
    return with_explained(row, hit, rank)
