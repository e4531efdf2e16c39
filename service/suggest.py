"""`/suggest`: how what is being typed may go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import Annotated, TypeVar

import orjson
from flask import Blueprint, Response, request
from pydantic import Field, ValidationError

from search_rerank.answer import Degraded
from search_rerank.data.item import explain
from search_rerank.engines.base import Suggestion
from search_rerank.errors import EngineUnavailable, StateError
from search_rerank.query import MAX_QUERY_CHARACTERS
from search_rerank.state.queries import normal_prefix, normalise_query
from service.consent import Asking, consented
from service.in_time import from_state
from service.problems import Problem
from service.runtime import Runtime, runtime

logger = logging.getLogger(__name__)
blueprint = Blueprint("suggest", __name__)
T = TypeVar("T")
KINDS = ("own", "query", "category", "brand", "title")
"""In the order in which they are shown."""
_LOOKED_AT = 200
"""Newest interactions of a shopper whose queries are suggested to them."""


class SuggestRequest(Asking):
    """What is typed so far, and how many completions are wanted."""

    q: str = ""
    size: Annotated[int, Field(ge=1, le=20)] = 8


@blueprint.get("/suggest")
def suggest() -> Response:
    """Return completions from own and others' queries, categories, brands and titles."""
    begun = time.perf_counter()
    try:
        asked = SuggestRequest.model_validate({k: v for k, v in request.args.items() if v})
    except ValidationError as error:
        raise Problem(400, explain(error, SuggestRequest.model_fields)) from None
    run = runtime()
    found, degraded = completions(run, consented(run, asked))
    rows = [
        {"text": one.text, "kind": one.kind} | ({} if one.item is None else {"item": one.item})
        for one in found
    ]
    body = {
        "suggestions": rows,
        "degraded": [{"stage": part.stage, "reason": part.reason} for part in degraded],
        "took_ms": round((time.perf_counter() - begun) * 1000, 3),
    }
    return Response(orjson.dumps(body), content_type="application/json")


def completions(run: Runtime, asked: SuggestRequest) -> tuple[list[Suggestion], list[Degraded]]:
    """Return at most `size` completions, each text once, those of a kind together.

    Before anything is typed they are what the shopper asked last.
    """
    typed, degraded = asked.q[:MAX_QUERY_CHARACTERS], list[Degraded]()
    found = [Suggestion(text, "own") for text in _own(run, asked, typed, degraded)]
    if typed.strip():
        read = partial(run.state.past_queries, typed, asked.size)
        past = _read(run, read, degraded)
        found += [Suggestion(text, "query") for text, _ in past if text != normalise_query(typed)]
        try:
            with run.pipeline() as pipeline:
                completed = pipeline.engine.suggest(typed, asked.size)
                titles = [one.item for one in completed if one.item is not None]
                hidden = pipeline.rules.hidden(titles, run.clock())
                found += [one for one in completed if one.item not in hidden]
        except EngineUnavailable as error:
            logger.warning("suggesting without the index: %s", error)
            degraded.append(Degraded("engine", "away"))
    return merged(found, asked.size), degraded


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


def _own(
    run: Runtime, asked: SuggestRequest, typed: str, degraded: list[Degraded]
) -> Sequence[str]:
    """Return the shopper's own queries that go on from what is typed, the newest first."""
    if asked.user is None and asked.session is None:
        return []
    read = partial(run.state.own_queries, asked.user, asked.session, _LOOKED_AT)
    start, same = normal_prefix(typed), normalise_query(typed)
    own = [text for text in _read(run, read, degraded) if text.startswith(start) and text != same]
    return own[: asked.size]


def _read(run: Runtime, read: Callable[[], Sequence[T]], degraded: list[Degraded]) -> Sequence[T]:
    try:
        with run.pipeline() as pipeline:
            return from_state(pipeline, read)
    except StateError as error:  # what the index knows is a help, too
        logger.warning("suggesting without past queries: %s", error)
        degraded[:] = [Degraded("state", "away")]
        return []
