"""What answers that are no ranked items hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from search_rerank.bundles import Listed
from search_rerank.filters import Model
from search_rerank.rules.conflicts import Conflict
from search_rerank.rules.dry_run import Moved
from search_rerank.workers import Worker
from service.openapi.hits import DegradedBody, Measured, Milliseconds, Place


class ProblemBody(BaseModel):
    """An error (RFC 9457); some say more."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: str


class Health(Model):
    """That the process answers."""

    status: Literal["ok"]


class EngineBody(Model):
    """What searches, and what it holds."""

    kind: str
    items: Place


class Ready(Model):
    """That a search can be answered, and what makes answers worse than they could be."""

    status: Literal["ready"]
    engine: EngineBody
    bundle: str | None
    degraded: list[DegradedBody]


class SuggestionBody(Model):
    """How what is typed may go on."""

    text: str
    kind: Literal["own", "query", "category", "brand", "title"]
    item: str | None = None


class Suggestions(Model):
    """How what is typed may go on, kind by kind."""

    suggestions: list[SuggestionBody]
    degraded: list[DegradedBody]
    took_ms: Milliseconds


class RefusedRow(Model):
    """A row that was kept aside."""

    index: Place
    reason: str


class EventsTold(Model):
    """What became of events."""

    accepted: Place
    new: Place
    ignored: Place
    refused: list[RefusedRow]


class ItemTold(Model):
    """What became of an item."""

    id: str
    status: Literal["written", "unchanged"]
    reason: str | None = None


class ItemOutcome(Model):
    """What became of one row; a refused one may have no id."""

    index: Place
    id: str | None = None
    status: Literal["written", "unchanged", "stale", "conflict", "refused"]
    reason: str | None = None


class ItemsTold(Model):
    """What became of items."""

    written: Place
    outcomes: list[ItemOutcome]


class RulesSaved(Model):
    """How many rules there are now, and what may be wrong with them."""

    rules: Place
    conflicts: list[Conflict]


class RuleUseFull(Model):
    """What a rule did to an answer, and the items that it meant."""

    id: str
    kind: str
    items: list[str]
    measured: dict[str, Measured]


class DryRunTold(Model):
    """Two answers to one search, without rules and with them."""

    before: list[str]
    after: list[str]
    moved: list[Moved]
    total_before: Place
    total_after: Place
    rules: list[RuleUseFull]
    degraded: list[DegradedBody]
    conflicts: list[Conflict]


class BundlesTold(Model):
    """All bundles, the latest first, and what each worker ranks with."""

    live: str | None
    bundles: list[Listed]
    workers: list[Worker]


class OptOut(Model):
    """Whether a user opted out."""

    user: str
    opted_out: bool


class Receipt(Model):
    """What was removed of a user, and whether that was all."""

    user: str
    until_ms: Place
    interactions: Place
    rankings: Place
    log_segments_rewritten: Place
    logged_requests: Place
    feature_log_segments_rewritten: Place
    complete: bool
