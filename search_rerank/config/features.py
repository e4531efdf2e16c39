"""Settings of what the reranker sees of a query and an item."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from search_rerank.config.section import Section

Group = Literal[
    "query",
    "match",
    "neighbourhood",
    "similar",
    "item",
    "shown",
    "attributes",
    "user",
    "session",
]


class FeaturesConfig(Section):
    """Which features are computed."""

    groups: Annotated[tuple[Group, ...], Field(min_length=1)] = get_args(Group)
    """Groups of features; those of `[[scorers]]` are always there. Fewer take less time."""
    attributes: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    """Attributes of items: a number becomes a feature itself, words and lists of words become the
    shopper's affinity to them, by what they took and what they were shown and left."""

    @field_validator("groups", "attributes")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("expected each name once")
        return value
