"""What requests hold where the service completes or bends what its own models ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from search_rerank.data.event import Interaction, Ranking
from search_rerank.data.item import Item
from search_rerank.filters import Model
from search_rerank.rules.rule_set import AnyRule, RuleSet
from service.items import MAX_BATCH, MAX_SIZE

Time = Annotated[datetime | int | None, Field(alias="timestamp")]


class InteractionRow(Interaction):
    """Something a shopper did; an id and the present moment are given where they are left out."""

    id: str | None = None  # type: ignore[assignment]
    time_ms: Time = None  # type: ignore[assignment]
    personalise: bool = True


class RankingRow(Ranking):
    """What was shown to a shopper, best place first."""

    id: str | None = None  # type: ignore[assignment]
    time_ms: Time = None  # type: ignore[assignment]
    personalise: bool = True


Row = InteractionRow | RankingRow
Rows = Annotated[list[Row], Field(min_length=1)]
Items = Annotated[list[Item], Field(min_length=1, max_length=MAX_BATCH)]


class WholeItem(Item):
    """An item; its id may be left out, or is that of the address."""

    id: str | None = None  # type: ignore[assignment]


class ItemChange(Item):
    """Fields of an item that change; null removes one."""

    id: str | None = None  # type: ignore[assignment]
    title: str | None = None  # type: ignore[assignment]


class SimilarRequest(Model):
    """How many items are wanted."""

    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] = 10


class DryRunRequest(Model):
    """A search, and rules to try on it; the stored ones where left out."""

    search: dict[str, Any]
    rules: RuleSet | list[AnyRule] | None = None
