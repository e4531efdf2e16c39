"""`/users`: everything that is stored of one, told or removed, and whether anything may be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson
from flask import Blueprint, Response

from search_rerank.data.event import Event
from search_rerank.skew.forgetting import forget_requests, logged_requests
from search_rerank.skew.log import log_folder
from service.problems import Problem
from service.runtime import Runtime, runtime

blueprint = Blueprint("users", __name__)
_MAX_CHARACTERS = 512
_PACKED = ("engine", "features", "order")
"""Numbers of a logged request that were made of the rest of it and of others' behaviour."""


@blueprint.get("/users/<path:user>/export")
def export(user: str) -> Response:
    """Return everything that is stored of a user as JSON lines: events, then logged requests."""
    run = runtime()
    rows = _stored(run, _checked(user))
    # what goes wrong at once is still an answer of its own
    lines = chain([_line(next(rows))], map(_line, rows))
    return Response(lines, content_type="application/x-ndjson")


@blueprint.delete("/users/<path:user>")
def forget(user: str) -> Response:
    """Remove everything of a user, and return a receipt."""
    run = runtime()
    now_ms = run.clock()
    sessions = _sessions(run, _checked(user))
    forgotten = run.state.forget(user, now_ms)
    logged = forget_requests(log_folder(run.config), user, sessions)
    return _json(
        {
            "user": user,
            "until_ms": now_ms,
            "interactions": forgotten.interactions,
            "rankings": forgotten.rankings,
            "log_segments_rewritten": forgotten.segments,
            "logged_requests": logged.requests,
            "feature_log_segments_rewritten": logged.segments,
            "complete": forgotten.complete,
        }
    )


@blueprint.get("/users/<path:user>/opt-out")
def opted_out(user: str) -> Response:
    """Return whether a user opted out."""
    return _told(_checked(user), runtime().state.opted_out(user))


@blueprint.put("/users/<path:user>/opt-out")
def opt_out(user: str) -> Response:
    """Read nothing and store nothing of a user from now on; what is stored stays."""
    runtime().state.set_opted_out(_checked(user), True)
    return _told(user, True)


@blueprint.delete("/users/<path:user>/opt-out")
def opt_in(user: str) -> Response:
    """Personalise for a user again, and store what they do."""
    runtime().state.set_opted_out(_checked(user), False)
    return _told(user, False)


def _stored(run: Runtime, user: str) -> Iterator[dict[str, Any]]:
    """Yield what is known of a user: who it is, the events as they were told, logged requests."""
    yield {"event": "user", "id": user, "opted_out": run.state.opted_out(user)}
    sessions = set()
    for event in run.state.export(user):
        if event.session is not None:
            sessions.add(event.session)
        yield event.model_dump(mode="json", by_alias=True, exclude_none=True)
    for row in logged_requests(log_folder(run.config), user, sessions):
        kept = {name: value for name, value in row.items() if name not in _PACKED}
        yield {"event": "request"} | kept


def _sessions(run: Runtime, user: str) -> set[str]:
    """Return the visits in which a user did something, or that they claimed."""
    events: Iterator[Event] = iter(run.state.export(user))
    return {event.session for event in events if event.session is not None}


def _checked(user: str) -> str:
    if len(user) > _MAX_CHARACTERS:
        raise Problem(
            400, f"user: expected at most {_MAX_CHARACTERS} characters, found {len(user)}"
        )
    return user


def _told(user: str, opted_out: bool) -> Response:
    return _json({"user": user, "opted_out": opted_out})


def _line(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), content_type="application/json")
