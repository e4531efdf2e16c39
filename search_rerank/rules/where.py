"""Which items a rule means: filters, and whether an item meets them without asking an engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Self

from pydantic import model_validator

from search_rerank.data.item import Item
from search_rerank.engines.conditions import count_conditions
from search_rerank.engines.fields import ATTRIBUTE, as_text, unix_ms
from search_rerank.filters import FiltersModel, check_depth
from search_rerank.query import Filters, Range

MAX_CONDITIONS = 100
"""A request may hold as many again."""


class Where(FiltersModel):
    """The filters of a search request, as a description of items."""

    @model_validator(mode="before")
    @classmethod
    def _leaves_a_level(cls, value: object) -> object:
        check_depth({"all_of": [value]})  # it becomes a part of a request's filters
        return value

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.filters:
            raise ValueError(
                "expected at least one condition, such as {'terms': {'brand': 'Acme'}}"
            )
        if (found := count_conditions(self.filters)) > MAX_CONDITIONS:
            raise ValueError(f"expected at most {MAX_CONDITIONS} conditions, found {found}")
        return self

    @cached_property
    def filters(self) -> Filters:
        """The library's form."""
        return self.to_filters()

    @cached_property
    def key(self) -> str:
        """The same for the same filters."""
        return self.model_dump_json(exclude_defaults=True)

    @cached_property
    def ids(self) -> frozenset[str] | None:
        """The items, where ids are all that it names; None where fields of items matter."""
        ids = self.filters.terms.get("id", ())
        return frozenset(ids) if self.filters == Filters({"id": ids}) else None


def meets(item: Item, filters: Filters) -> bool:
    """Return whether an item meets filters, as an engine that holds it would say."""
    return (
        all(
            any(value in accepted for value in values_of(item, name))
            for name, accepted in filters.terms.items()
        )
        and all(_within(number_of(item, name), span) for name, span in filters.ranges.items())
        and all(meets(item, part) for part in filters.all_of)
        and (not filters.any_of or any(meets(item, part) for part in filters.any_of))
        and not any(meets(item, part) for part in filters.none_of)
    )


def names_in(filters: Filters) -> Iterator[str]:
    """Yield the names of the fields that filters ask for, on all levels."""
    yield from filters.terms
    yield from filters.ranges
    for part in (*filters.all_of, *filters.any_of, *filters.none_of):
        yield from names_in(part)


def values_of(item: Item, name: str) -> Sequence[str]:
    """Return the values that a filter on a field may name; the narrowest category last."""
    if name == "category":
        return [" > ".join(item.category[: n + 1]) for n in range(len(item.category))]
    value = _value(item, name)
    if value is None:
        return ()
    return value if isinstance(value, list) else (as_text(value),)


def number_of(item: Item, name: str) -> float | None:
    """Return the number of a field, None where there is none."""
    if name == "updated_at":
        return None if item.updated_at is None else float(unix_ms(item.updated_at))
    value = _value(item, name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else None  # type: ignore[arg-type]


def _value(item: Item, name: str) -> str | float | bool | list[str] | None:
    if name.startswith(ATTRIBUTE):
        return item.attributes.get(name.removeprefix(ATTRIBUTE))
    found: str | float | bool | None = getattr(item, name)
    return found


def _within(number: float | None, span: Range) -> bool:
    return (
        number is not None
        and (span.gte is None or number >= span.gte)
        and (span.lte is None or number <= span.lte)
    )
