"""`/suggest`: how what is being typed may go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Annotated

import orjson
from flask import Blueprint, Response, request
from pydantic import Field, ValidationError

from search_rerank.data.item import explain
from search_rerank.engines.base import Suggestion
from search_rerank.filters import Model
from search_rerank.query import MAX_QUERY_CHARACTERS
from search_rerank.state.queries import normalise_query
from service.problems import Problem
from service.runtime import Runtime, runtime

blueprint = Blueprint("suggest", __name__)
KINDS = ("query", "category", "brand", "title")
"""In the order in which they are shown."""


class SuggestRequest(Model):
    """What is typed so far, and how many completions are wanted."""

    q: str = ""
    size: Annotated[int, Field(ge=1, le=20)] = 8


@blueprint.get("/suggest")
def suggest() -> Response:
    """Return completions from past queries, categories, brands and titles."""
    begun = time.perf_counter()
    try:
        asked = SuggestRequest.model_validate({k: v for k, v in request.args.items() if v})
    except ValidationError as error:
        raise Problem(400, explain(error, SuggestRequest.model_fields)) from None
    found = completions(runtime(), asked.q[:MAX_QUERY_CHARACTERS], asked.size)
    rows = [
        {"text": one.text, "kind": one.kind} | ({} if one.item is None else {"item": one.item})
        for one in found
    ]
    body = {"suggestions": rows, "took_ms": round((time.perf_counter() - begun) * 1000, 3)}
    return Response(orjson.dumps(body), content_type="application/json")


def completions(run: Runtime, typed: str, size: int) -> list[Suggestion]:
    """Return at most `size` completions, each text once, those of a kind together."""
    if not typed.strip():
        return []
    past = [
        Suggestion(text, "query")
        for text, _ in run.state.past_queries(typed, size)
        if text != normalise_query(typed)
    ]
    with run.pipeline() as pipeline:
        found = [*past, *pipeline.engine.suggest(typed, size)]
    return merged(found, size)


def merged(found: Sequence[Suggestion], size: int) -> list[Suggestion]:
    """Return each text once, the kinds taking turns for a place, then put kind by kind."""
    once: dict[str, Suggestion] = {}
    for kind in KINDS:
        for one in found:
            if one.kind == kind:
                once.setdefault(normalise_query(one.text), one)
    by_kind = [[one for one in once.values() if one.kind == kind] for kind in KINDS]
    turns = [one for one in chain.from_iterable(zip_longest(*by_kind)) if one is not None]
    return sorted(turns[:size], key=lambda one: KINDS.index(one.kind))
