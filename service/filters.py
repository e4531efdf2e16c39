"""What a request may say of facets and order, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from search_rerank.engines.counting import MAX_INTERVALS
from search_rerank.engines.fields import FACETS, RANGES
from search_rerank.filters import Model, RangeModel, check_fields
from search_rerank.query import Facet, Sort


class FacetModel(Model):
    """One field to count; its name alone counts its values. See `Facet`."""

    field: str
    kind: Literal["values", "ranges", "statistics"] = "values"
    ranges: Annotated[list[RangeModel], Field(max_length=MAX_INTERVALS)] = []
    size: Annotated[int, Field(ge=1, le=1000)] = 50
    own_filter: bool = False

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: object) -> object:
        return {"field": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_fields([self.field], FACETS if self.kind == "values" else RANGES)
        if bool(self.ranges) != (self.kind == "ranges"):
            raise ValueError("expected ranges where kind is ranges, and only there")
        return self

    def to_facet(self) -> Facet:
        """Return the library's form."""
        ranges = tuple(bounds.to_range() for bounds in self.ranges)
        return Facet(self.field, self.kind, ranges, self.size, self.own_filter)


class SortModel(Model):
    """One field to order by, `-` before its name alone for falling. See `Sort`."""

    field: str
    order: Literal["asc", "desc"] = "asc"

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return {"field": value.removeprefix("-"), "order": "desc" if value[:1] == "-" else "asc"}

    @field_validator("field")
    @classmethod
    def _known(cls, value: str) -> str:
        check_fields([value], RANGES)
        return value

    def to_sort(self) -> Sort:
        """Return the library's form."""
        return Sort(self.field, self.order == "desc")
