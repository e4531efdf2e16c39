"""What answers of ranked items hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from search_rerank.answer import Basis, Team
from search_rerank.data.item import AttributeValue
from search_rerank.explanation import Opinion, Reason
from search_rerank.filters import Model

Place = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[float, Field(ge=0)]


class ItemBody(Model):
    """A product; fields without a value are left out."""

    id: str | None = None
    title: str | None = None
    description: str | None = None
    brand: str | None = None
    category: list[str] = []
    price: float | None = None
    currency: str | None = None
    in_stock: bool | None = None
    rating: float | None = None
    rating_count: int | None = None
    image_url: str | None = None
    url: str | None = None
    group_id: str | None = None
    updated_at: str | None = None
    attributes: dict[str, AttributeValue] = {}


class Part(Model):
    """How far one feature moved a hit's score."""

    feature: str
    contribution: float


class Places(Model):
    """A hit's place, 0 first, after each step; null where a rule put it in."""

    engine: Place
    model: Place | None
    exploration: Place | None
    rules: Place


class ExplanationBody(Model):
    """What made a hit's place; base and contributions sum to the score."""

    opinions: dict[str, Opinion]
    stage: str | None
    level: Place
    score: float | None
    base: float | None
    contributions: list[Part]
    other_contributions: float
    places: Places


class Told(Model):
    """What is told of a hit where it was asked for."""

    rules: list[str]
    rank_before_rules: Place | None
    features: dict[str, float | None] | None = None
    explanation: ExplanationBody | None = None
    reason: Reason | None = None


class HitBody(Told):
    """One item of an answer."""

    id: str
    rank: Place
    engine_rank: Place
    moved: int
    score: float | None
    lexical: float | None
    vector: float | None
    explored: bool
    team: Team | None
    item: ItemBody
    highlights: dict[str, list[tuple[Place, Place]]] | None = None


class RerankedHit(Told):
    """One item of the caller's own list."""

    id: str
    rank: Place
    given_rank: Place
    score: float


class DegradedBody(Model):
    """A stage that gave less than it should have, and why."""

    stage: str
    reason: str


class Count(Model):
    """How many items have a value."""

    value: str
    count: Place


class StatisticsBody(Model):
    """Of the numbers of a field."""

    count: Place
    least: float
    greatest: float
    mean: float


class Experiment(Model):
    """The experiment that ranked, and the variant."""

    name: str
    variant: str


class Measured(Model):
    """What a rule measured, without it and with it."""

    before: float
    after: float


class RuleUseBody(Model):
    """What a rule did to an answer; `items` are how many it meant."""

    id: str
    kind: str
    items: Place
    measured: dict[str, Measured]


class Ranked(Model):
    """What every answer of ranked items tells."""

    id: str | None
    total: Place
    total_exact: bool
    facets: dict[str, list[Count]]
    statistics: dict[str, StatisticsBody]
    did_you_mean: str | None
    searched: str | None
    relaxed: list[Literal["words", "meaning"]]
    history: Place
    timings_ms: dict[str, Milliseconds]
    degraded: list[DegradedBody]
    bundle: str | None
    basis: Basis | None
    experiment: Experiment | None
    stale: bool
    rules: list[RuleUseBody]
    took_ms: Milliseconds


class Similar(Ranked):
    """Items most like one."""

    hits: list[HitBody]


class Answered(Similar):
    """Items in order, and the cursor of the page that follows; null after the last."""

    cursor: str | None


class Reranked(Ranked):
    """The caller's own items in order."""

    hits: list[RerankedHit]
