"""Settings of what the reranker sees of an item."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from search_rerank.config.section import Section


class FeaturesConfig(Section):
    """Which parts of an item become features beside the fields that every shop has."""

    attributes: Annotated[tuple[str, ...], Field(max_length=32)] = ()
    """Attributes of items: a number becomes a feature itself, words and lists of words become the
    shopper's affinity to them, by what they took and what they were shown and left."""

    @field_validator("attributes")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("expected each attribute once")
        return value
