"""Filters checked and in the names of the index, the same for every engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from search_rerank.engines.base import IndexSchema
from search_rerank.engines.fields import keyword_fields, known_field, number_fields
from search_rerank.errors import EngineError
from search_rerank.query import Filters, Range

_LARGEST = 1.7e308
MAX_DEPTH = 5
"""Deeper filters are refused."""
MAX_CONDITIONS = 200
"""So are filters with more of them; ten values count as one more condition."""


@dataclass(frozen=True)
class Conditions:
    """Filters in the names of the index; all parts given must hold, see `Filters`."""

    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    all_of: tuple[Conditions, ...] = ()
    any_of: tuple[Conditions, ...] = ()
    none_of: tuple[Conditions, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.ranges or self.all_of or self.any_of or self.none_of)


def conditions(filters: Filters, schema: IndexSchema) -> Conditions:
    """Check filters and translate their names.

    Raises
    ------
    EngineError
        For a field that cannot be filtered on, a bound that is no number, or filters that are too
        deep or too many.
    """
    if (found := count_conditions(filters)) > MAX_CONDITIONS:
        raise EngineError(f"filters: expected at most {MAX_CONDITIONS} conditions, found {found}")
    return _translate(filters, keyword_fields(schema), number_fields(schema))


def bounds(name: str, interval: Range) -> tuple[float | None, float | None]:
    """Return the bounds of an interval as finite numbers; None is no bound."""
    gte, lte = interval.gte, interval.lte
    for bound in (gte, lte):
        if bound is not None and (isinstance(bound, str) or math.isnan(bound)):
            raise EngineError(f"range of {name}: expected numbers as bounds, found {bound!r}")
    low = None if gte is None else max(min(float(gte), _LARGEST), -_LARGEST)
    high = None if lte is None else max(min(float(lte), _LARGEST), -_LARGEST)
    return low, high


def _translate(
    filters: Filters, keyword: Mapping[str, str], number: Mapping[str, str]
) -> Conditions:
    terms = tuple(
        (known_field(name, keyword, "filter by value of"), tuple(_value(name, v) for v in values))
        for name, values in filters.terms.items()
    )
    ranges = tuple(
        (known_field(name, number, "filter by range of"), *bounds(name, interval))
        for name, interval in filters.ranges.items()
    )
    groups = (filters.all_of, filters.any_of, filters.none_of)
    inner = [tuple(_translate(part, keyword, number) for part in group) for group in groups]
    return Conditions(terms, ranges, *inner)


def count_conditions(filters: Filters, depth: int = 1) -> int:
    """Return how many conditions filters hold, as `MAX_CONDITIONS` counts; too deep is an error."""
    if depth > MAX_DEPTH:
        raise EngineError(f"filters: expected at most {MAX_DEPTH} levels, found more")
    inner = (*filters.all_of, *filters.any_of, *filters.none_of)
    values = sum(len(values) for values in filters.terms.values())
    own = len(filters.terms) + len(filters.ranges) + values // 10
    return own + sum(1 + count_conditions(part, depth + 1) for part in inner)


def _value(name: str, value: str) -> str:
    if name == "in_stock":
        value = value.lower()
        if value not in ("true", "false"):
            raise EngineError(f"in_stock: expected true or false, found {value!r:.60}")
    return value.encode("utf-8", "replace").decode("utf-8")
