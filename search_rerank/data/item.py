"""One product of the catalogue, and what a row must look like to become one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from search_rerank.errors import DataError, nearest

Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(min_length=1, max_length=500)]
# Text first: most values are text, and pydantic stops at an exact match.
AttributeValue = Name | float | bool | list[Name]
_ATTRIBUTE = "expected a text of 1 to 500 characters, a number, true or false, or a list of texts"
_NESTED = " (give what is inside an object names of its own, such as 'size_eu')"


class Item(BaseModel):
    """A product.

    Unknown top-level fields are refused with the nearest known name; anything else a shop wants to
    keep goes under `attributes`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False
    )

    id: Annotated[str, Field(min_length=1, max_length=512)]
    title: Annotated[str, Field(min_length=1, max_length=2_000)]
    description: Text | None = None
    brand: Name | None = None
    category: Annotated[list[Name], Field(max_length=20)] = []
    """The path from the broadest category to the narrowest."""
    price: Annotated[float, Field(ge=0)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    in_stock: bool | None = None
    rating: float | None = None
    rating_count: Annotated[int, Field(ge=0, le=10**15)] | None = None
    image_url: Annotated[str, Field(max_length=20_000)] | None = None
    url: Annotated[str, Field(max_length=4_000)] | None = None
    group_id: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """The same for all variants of one product."""
    updated_at: datetime | None = None
    attributes: Annotated[dict[Name, AttributeValue], Field(max_length=200)] = {}

    @field_validator("id", mode="before")
    @classmethod
    def _number_as_id(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    def text(self) -> str:
        """Return the words an encoder reads: title, brand, category path, description."""
        parts = [self.title, self.brand or "", " ".join(self.category), self.description or ""]
        return " ".join(part for part in parts if part)

    @cached_property
    def _json(self) -> bytes:
        """Made once: a load asks for it three times for each item."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        if not self.category:
            del fields["category"]
        if self.attributes:
            fields["attributes"] = dict(sorted(self.attributes.items()))
        else:
            del fields["attributes"]
        return orjson.dumps(fields, option=orjson.OPT_UTC_Z)

    def to_json(self) -> bytes:
        """Return the item as compact JSON: fields not set are left out, attributes are sorted."""
        return self._json

    def content_hash(self) -> str:
        """Return a hash of all that is stored of the item: equal hash, equal document."""
        return hashlib.blake2b(self._json, digest_size=16).hexdigest()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields changed, which are not checked; see pydantic."""
        copied = super().model_copy(update=update, deep=deep)
        vars(copied).pop("_json", None)  # It is of the fields before the change.
        return copied


def parse_item(row: object) -> Item:
    """Check one decoded row and return its item.

    Raises
    ------
    DataError
        Naming each field that is wrong, what was expected there and what was found.
    """
    if not isinstance(row, dict):
        raise DataError(f"expected an object with at least id and title, found {_short(row)}")
    try:
        return Item.model_validate(row)
    except ValidationError as error:
        raise DataError(explain(error, Item.model_fields)) from None


def explain(error: ValidationError, known: Any) -> str:
    """Return a one-line account of a pydantic error, naming the nearest known field for a typo."""
    parts: list[str] = []
    for problem in _one_for_each_attribute(error.errors(include_url=False))[:5]:
        where = ".".join(str(part) for part in problem["loc"]) or "row"
        if problem["type"] == "extra_forbidden":
            hint = nearest(where[:60], known) if len(problem["loc"]) == 1 else ""
            parts.append(f"unknown field {_short(where)}{hint}")
        elif problem["type"] == "missing":
            parts.append(f"{where} is missing")
        else:
            expected = problem["msg"].removeprefix("Value error, ")
            if problem["type"] == "list_type":
                expected = 'expected a list such as ["Shoes", "Boots"]'
            parts.append(f"{where[:200]}: {expected}, found {_short(problem['input'])}")
    return "; ".join(parts)


def _one_for_each_attribute(problems: list[ErrorDetails]) -> list[ErrorDetails]:
    """Put one problem in the place of those that each form of an attribute's value gave."""
    kept: dict[tuple[int | str, ...], ErrorDetails] = {}
    for problem in problems:
        loc = problem["loc"]
        if len(loc) < 3 or loc[0] != "attributes":
            kept[loc] = problem
        elif loc[2] == "[key]":
            message = "expected names of 1 to 500 characters"
            kept[loc] = problem | {"loc": loc[:1], "msg": message}
        elif loc[:2] not in kept:
            # The first form is no list, so that what was found is the whole value.
            nested = isinstance(problem["input"], dict)
            message = _ATTRIBUTE + (_NESTED if nested else "")
            kept[loc[:2]] = problem | {"loc": loc[:2], "msg": message}
    return list(kept.values())


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}... ({len(shown)} characters)"
