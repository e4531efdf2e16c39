"""`/events`: what shoppers did, one row or many, counted from the very next search on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import orjson
from flask import Blueprint, Response

from search_rerank.data.event import Event, Interaction, Ranking, parse_event
from search_rerank.data.read import FUTURE_TOLERANCE_MS, check_time
from search_rerank.errors import DataError, EngineUnavailable
from service.bodies import Broken, read_rows
from service.consent import opted_out
from service.in_time import look_up
from service.metrics import metrics
from service.problems import Problem
from service.runtime import Runtime, runtime

logger = logging.getLogger(__name__)
blueprint = Blueprint("events", __name__)


@blueprint.post("/events")
def post_events() -> Response:
    """Store one object, an array, or JSON lines; tell the outcome of each row that was refused."""
    rows = read_rows()
    if not rows:
        raise Problem(400, "expected at least one event, found none")
    run = runtime()
    accepted, refused, ignored = check_events(run, rows)
    with run.events.one():
        new = run.state.append([one for one in accepted if isinstance(one, Interaction)])
        new += run.state.show([one for one in accepted if isinstance(one, Ranking)])
    # The state stores nothing of who opted out: only then, or of what it had, are fewer new.
    unwanted = _unwanted(run, accepted) if new < len(accepted) else 0
    counts = {"accepted": len(accepted) - unwanted, "new": new, "ignored": ignored + unwanted}
    metrics().told({**counts, "refused": len(refused)})
    if refused and not accepted and not ignored:
        raise Problem(
            400, f"none of {len(rows)} events accepted; first: {refused[0]['reason']}",
            refused=refused,
        )  # fmt: skip
    body = orjson.dumps({**counts, "refused": refused})
    return Response(body, 202, content_type="application/json")


def check_events(
    run: Runtime, rows: Sequence[object]
) -> tuple[list[Event], list[dict[str, Any]], int]:
    """Return the events among rows, those refused as index and reason, how many to ignore.

    Ignored are items and users of the event schema, and rows whose `personalise` is false: nothing
    more is looked at in them. A ranking may show items that the index does not hold (any longer),
    and so may interactions while the engine is away: nobody asks for them, and a click is gone if
    it is not taken now.
    """
    now = run.clock()
    good: list[tuple[int, Event]] = []
    refused: list[dict[str, Any]] = []
    ignored = 0
    for index, row in enumerate(rows):
        try:
            wanted, row = _wanted(row)
            event = parse_event(_completed(row, now)) if wanted else None
            if event is not None:
                check_time(event, now + FUTURE_TOLERANCE_MS)
        except DataError as error:
            refused.append({"index": index, "reason": str(error)})
            continue
        if event is None:
            ignored += 1
        else:
            good.append((index, event))
    asked = list({event.item: None for _, event in good if isinstance(event, Interaction)})
    unknown = _unknown(run, asked)
    accepted: list[Event] = []
    for index, event in good:
        if isinstance(event, Interaction) and event.item in unknown:
            reason = f"item: expected one of the index, found {event.item!r:.60}"
            refused.append({"index": index, "reason": reason})
        else:
            accepted.append(event)
    return accepted, sorted(refused, key=lambda row: row["index"]), ignored


def _unknown(run: Runtime, items: Sequence[str]) -> set[str]:
    """Return the items that the index does not hold; none while the engine cannot tell."""
    try:
        with run.pipeline() as pipeline:
            return set(items) - look_up(pipeline.engine, items).keys()
    except EngineUnavailable as error:
        logger.warning("events are taken without a look at their items: %s", error)
        return set()


def _wanted(row: object) -> tuple[bool, object]:
    """Return whether a row may be stored, as it says itself, and the row without saying so."""
    if not isinstance(row, dict) or "personalise" not in row:
        return True, row
    wanted = row["personalise"]
    if not isinstance(wanted, bool):
        raise DataError(f"personalise: expected true or false, found {wanted!r:.60}")
    return wanted, {name: value for name, value in row.items() if name != "personalise"}


def _unwanted(run: Runtime, events: Sequence[Event]) -> int:
    """Return how many events are of users who opted out."""
    users = {event.user for event in events if event.user is not None}
    out = {user for user in users if opted_out(run, user)}
    return sum(event.user in out for event in events)


def _completed(row: object, now: int) -> object:
    if isinstance(row, Broken):
        raise DataError(row.reason)
    if not isinstance(row, dict):
        return row
    return {"event": "interaction", "id": uuid4().hex, "timestamp": now} | row
