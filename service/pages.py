"""Pages after the first: a cursor with each answer, and the answer to a cursor."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from search_rerank.answer import Answer, Degraded
from search_rerank.config import RetrievalConfig
from search_rerank.data.item import Item
from search_rerank.engines.base import Retrieve
from search_rerank.errors import ConfigError, EngineError, EngineUnavailable
from search_rerank.guarding.aside import GivenUp
from search_rerank.guarding.guards import reason_of
from search_rerank.paging import Page, Place, Shelves, Trail, marks, next_page
from search_rerank.query import MAX_QUERY_CHARACTERS, Query
from search_rerank.retriever import MEANING, WORDS
from search_rerank.rules.where import meets
from search_rerank.stages import Stages
from service.consent import nobodys
from service.cursor import AGAIN
from service.cursor_form import Cursor, Kind, retold, told_of
from service.in_time import look_up
from service.load import deadline
from service.problems import Problem
from service.runtime import Runtime
from service.schemas import RecommendRequest, SearchRequest

if TYPE_CHECKING:
    from search_rerank.pipeline import Pipeline

logger = logging.getLogger(__name__)
Asked = SearchRequest | RecommendRequest
A = TypeVar("A", SearchRequest, RecommendRequest)
_WHO = ("user", "session")
_OF_PAGE = {"cursor", "start", "size", "facets", "explain", "reasons", "language"}
"""What is asked of a page, or is told on first pages only: it may be repeated beside a cursor."""


def cursor_after(run: Runtime, asked: Asked, answer: Answer) -> tuple[str | None, list[Degraded]]:
    """Return where a first answer goes on, None where it ends, and what kept it from going on."""
    asked = asked if answer.personalised else nobodys(asked)
    passed = asked.start + asked.size
    depth, hits = run.config.pages.depth, answer.hits
    goes_on = isinstance(asked, SearchRequest) and _has_more(answer)
    if not asked.size or asked.start >= len(hits) or passed >= depth:
        return None, []
    if passed >= len(hits) and not goes_on:
        return None, []
    try:
        seen = _seen(run, [hit.id for hit in hits[:passed]], asked.collapse)
    except EngineUnavailable as error:
        logger.warning("no cursor: %s", error)
        return None, [Degraded("pages", "away")]
    waiting = Place.of(hits[passed:depth])
    trail = Trail(min(passed, len(hits)), waiting, seen, goes_on)
    try:
        who = run.cursors.who(asked.user, asked.session)
        cursor = Cursor(
            kind=_kind(asked),
            asked=_fields(asked),
            who=who,
            size=asked.size,
            told=told_of(answer),
            ranking=(answer.id or "").partition(".")[0],
            trail=trail,
            until_ms=_until(run),
        )
        return _sealed(run, cursor)
    except (OSError, ConfigError) as error:  # the answer stands without a next page
        logger.error("no cursor: %s", error)
        return None, [Degraded("pages", "the secret that signs cursors cannot be read or made")]


def answer_to(run: Runtime, asked: A) -> tuple[Answer, Page, str | None, A]:
    """Return the page that a request's cursor leads to.

    Returns
    -------
    answer
        As of a first page; its hits are those of this page alone.
    page
        The same hits with their items.
    cursor
        Where it goes on, None after the last page.
    asked
        The request that the list is of.

    Raises
    ------
    Problem
        400 where the cursor is none for this request, 410 where it has expired.
    """
    text = asked.cursor or ""
    try:
        cursor = run.cursors.open(text, _kind(asked), run.clock())
    except (OSError, ConfigError) as error:
        logger.error("no cursor can be read: %s", error)
        raise Problem(503, "cursors cannot be read at present: see the service's log") from None
    _check_agrees(run, asked, cursor)
    first = type(asked).model_validate(cursor.asked)
    size = asked.size if "size" in asked.model_fields_set else cursor.size
    with run.pipeline() as pipeline:
        stages: Stages = Stages(pipeline.guards, deadline())
        with stages.timed("page"):
            page: Page = _page(run, pipeline, first, cursor, size, stages)
    degraded = [*stages.degraded, *page.degraded]
    following = None
    if page.rest is not None:
        usual = size or cursor.size
        rest = replace(cursor, trail=page.rest, size=usual, until_ms=_until(run))
        following, failed = _sealed(run, rest)
        degraded += failed
    answer = Answer(
        hits=page.hits,
        facets={},
        timings_ms=stages.timings_ms,
        degraded=degraded,
        id=f"{cursor.ranking}.{cursor.trail.shown}",
        **retold(cursor.told),
    )
    return answer, page, following, first


def _has_more(answer: Answer) -> bool:
    """Return whether the engine may know items that match and are not among the hits."""
    if MEANING in answer.relaxed:
        return False
    by_words = sum(1 for hit in answer.hits if hit.lexical)
    return not answer.total_exact or answer.total > (by_words or len(answer.hits))


def _seen(run: Runtime, ids: list[str], collapse: bool) -> frozenset[bytes]:
    """Return the marks of items that were shown, and of their products where variants are one."""
    groups: dict[str, str | None] = {}
    if collapse:
        with run.pipeline() as pipeline:
            found = pipeline.engine.items(ids)
        groups = {item.id: item.group_id for item in found if item is not None}
    return frozenset(mark for id_ in ids for mark in marks(id_, groups.get(id_)))


def _sealed(run: Runtime, cursor: Cursor) -> tuple[str | None, list[Degraded]]:
    text = run.cursors.seal(cursor)
    if text is None:
        reason = "the request and what was shown are longer than pages.cursor_bytes"
        return None, [Degraded("pages", reason)]
    return text, []


def _until(run: Runtime) -> int:
    return run.clock() + int(run.config.pages.expires_s * 1000)


def _kind(asked: Asked) -> Kind:
    return "search" if isinstance(asked, SearchRequest) else "recommend"


def _fields(asked: Asked) -> dict[str, Any]:
    """Return what a list is of, as JSON, without the fields that have their defaults."""
    left_out = {*_WHO, *_OF_PAGE}
    found: dict[str, Any] = asked.model_dump(mode="json", exclude=left_out, exclude_defaults=True)
    if "query" in found:
        found["query"] = found["query"][:MAX_QUERY_CHARACTERS]
    return found


def _check_agrees(run: Runtime, asked: Asked, cursor: Cursor) -> None:
    """Refuse a request that says anything else than the one that the list is of."""
    if asked.start:
        raise Problem(
            400,
            "from: expected none beside a cursor, which goes on where the page before ended; "
            "leave it out",
        )
    given = asked.model_fields_set - _OF_PAGE
    own = _fields(asked)
    if cursor.asked.get("personalise", True):
        named = zip(_WHO, run.cursors.who(asked.user, asked.session), cursor.who, strict=True)
        other = [name for name, mine, theirs in named if name in given and mine != theirs]
    else:  # it is nobody's, whoever asks and whatever they would like
        given, other = given - {"personalise"}, []
    other += [name for name in given - {*_WHO} if own.get(name) != cursor.asked.get(name)]
    if other:
        names = ", ".join(sorted(other))
        raise Problem(
            400, f"{names}: expected as in the request that gave the cursor, found other; {AGAIN}"
        )


def _page(
    run: Runtime, pipeline: Pipeline, first: Asked, cursor: Cursor, size: int, stages: Stages
) -> Page:
    """Return the page that follows, under the filters of the request and the rules as they are."""
    query = _query(first, run.clock())
    told, kind = cursor.told, cursor.kind
    ruling = pipeline.rules.ruling(kind, query, stages, moves=False)
    if (searched := told.get("searched")) is not None:
        ruling.look_at(searched)
    ruled = ruling.admits(told["history"], told.get("basis"))
    shelves = Shelves(
        partial(_looked_up, pipeline),
        pipeline.engine.retrieve,
        lambda item: meets(item, query.filters) and ruled(item),
        pipeline.last_good,
    )
    request = _request(query, told, run.config.retrieval)
    depth = run.config.pages.depth
    narrowed = replace(request, filters=ruling.narrowed(query.filters))
    try:
        return next_page(shelves, cursor.trail, narrowed, size, depth)
    except EngineUnavailable:
        raise
    except EngineError as error:  # an index that cannot filter by what a rule names
        logger.warning("a page is filtered when it is found: %s", error)
        return next_page(shelves, cursor.trail, request, size, depth)


def _looked_up(pipeline: Pipeline, ids: Sequence[str]) -> Mapping[str, Item]:
    """Return items by id; an engine that is late is one that is away where items are kept."""
    work = partial(look_up, pipeline.engine, ids)
    if pipeline.last_good is None:
        return work()
    try:
        return pipeline.guards.aside.one(work, deadline())
    except GivenUp as error:
        raise EngineUnavailable(f"the engine did not answer: {reason_of(error)}") from None


def _query(first: Asked, now_ms: int) -> Query:
    if isinstance(first, RecommendRequest):
        return first.to_recommend(1, now_ms).query()
    return first.to_query(1, now_ms)


def _request(query: Query, told: Mapping[str, Any], retrieval: RetrievalConfig) -> Retrieve:
    """Return what the engine is asked past the window: the words as they were searched.

    Vectors had their say in the window. Without them the list ends with the last item that matches
    the words, and no nearest ones are sought among thousands.
    """
    return Retrieve(
        text=(told.get("searched") or query.text).strip(),
        filters=query.filters,
        sort=query.sort,
        collapse=query.collapse,
        every_word=retrieval.every_word and WORDS not in told.get("relaxed", ()),
    )
