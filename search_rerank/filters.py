"""Filters as JSON: what a request or a rule may say of the items it means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from search_rerank.engines.conditions import MAX_DEPTH
from search_rerank.engines.fields import ATTRIBUTE, RANGES, TERMS, as_text
from search_rerank.errors import nearest
from search_rerank.query import Filters, Range

Values = Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=100)]
Groups = Annotated[list["FiltersModel"], Field(max_length=100)]
GROUPS = ("all_of", "any_of", "none_of")


class Model(BaseModel):
    """Refuses what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RangeModel(Model):
    """A closed interval; what is left out is no bound."""

    gte: float | None = None
    lte: float | None = None

    def to_range(self) -> Range:
        """Return the library's form."""
        return Range(self.gte, self.lte)


class FiltersModel(Model):
    """Conditions that every answer must meet; see `Filters`."""

    terms: Annotated[dict[str, Values], Field(max_length=20)] = {}
    ranges: Annotated[dict[str, RangeModel], Field(max_length=20)] = {}
    all_of: Groups = []
    any_of: Groups = []
    none_of: Groups = []

    @field_validator("terms", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        lists = {key: row if isinstance(row, list) else [row] for key, row in value.items()}
        return {key: [_as_text(one) for one in row] for key, row in lists.items()}

    @field_validator("terms")
    @classmethod
    def _known_terms(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        check_fields(value, TERMS)
        return value

    @field_validator("ranges")
    @classmethod
    def _known_ranges(cls, value: dict[str, RangeModel]) -> dict[str, RangeModel]:
        check_fields(value, RANGES)
        return value

    def to_filters(self) -> Filters:
        """Return the library's form; a field without any value is one that is not there."""
        terms = {field: tuple(values) for field, values in self.terms.items() if values}
        ranges = {field: bounds.to_range() for field, bounds in self.ranges.items()}
        groups = (tuple(part.to_filters() for part in getattr(self, name)) for name in GROUPS)
        return Filters(terms, ranges, *groups)


def check_depth(filters: object) -> None:
    """Raise `ValueError` for filters nested too deep, before anything walks down into them."""
    level: list[Any] = [filters]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for one in level
            if isinstance(one, dict)
            for name in GROUPS
            if isinstance(one.get(name), list)
            for part in one[name]
        ]
    if level:
        raise ValueError(f"expected at most {MAX_DEPTH} levels of conditions, found more")


def is_field(name: str, fields: Iterable[str]) -> bool:
    """Return whether a name is one of the fields, or an attribute's."""
    return name in fields or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))


def check_fields(names: Iterable[str], fields: tuple[str, ...]) -> None:
    """Raise `ValueError` for a name that is neither one of the fields nor an attribute's."""
    for name in names:
        if not is_field(name, fields):
            hint = nearest(name[:60], [*fields, f"{ATTRIBUTE}NAME"])
            raise ValueError(f"unknown field {name[:60]!r}{hint}")


def _as_text(value: object) -> object:
    """Return numbers and truths as the index writes them; the rest is the model's business."""
    if isinstance(value, bool):
        return as_text(value)
    return as_text(float(value)) if isinstance(value, int | float) else value
