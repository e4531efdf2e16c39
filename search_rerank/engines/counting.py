"""What a request asks to count and to sort by, checked and in the names of the index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search_rerank.engines.base import IndexSchema, Retrieve
from search_rerank.engines.conditions import Conditions, bounds, conditions
from search_rerank.engines.fields import as_text, facet_fields, known_field, number_fields
from search_rerank.errors import EngineError
from search_rerank.query import Facet, Range, Sort

MAX_FACETS = 30
MAX_INTERVALS = 50
MAX_SORTS = 5


@dataclass(frozen=True)
class Count:
    """One facet: the field inside the index, and over what is counted.

    Parameters
    ----------
    facet
        As asked.
    field
        The field's name inside the index.
    intervals
        Bounds of the ranges: from the first, up to but without the second, None is no bound.
    only
        The conditions that hold where the facet leaves its own filter out; None where they are
        those of the whole request.
    """

    facet: Facet
    field: str
    intervals: tuple[tuple[float | None, float | None], ...] = ()
    only: Conditions | None = None


def counts(request: Retrieve, schema: IndexSchema) -> list[Count]:
    """Check and translate the facets of a request.

    Raises
    ------
    EngineError
        For a field that cannot be counted, or facets that are too many or asked twice.
    """
    asked = [(facet.field, facet.kind == "statistics") for facet in request.facets]
    if len(set(asked)) < len(asked):
        raise EngineError("facets: expected each field once, beside its statistics; found it again")
    if len(asked) > MAX_FACETS:
        raise EngineError(f"facets: expected at most {MAX_FACETS}, found {len(asked)}")
    return [_count(facet, request, schema) for facet in request.facets]


def sort_fields(sorts: Sequence[Sort], schema: IndexSchema) -> list[tuple[str, bool]]:
    """Return the fields to sort by inside the index, each with whether it descends."""
    if len(sorts) > MAX_SORTS:
        raise EngineError(f"sort: expected at most {MAX_SORTS} fields, found {len(sorts)}")
    known = number_fields(schema)
    return [(known_field(sort.field, known, "sort by"), sort.descending) for sort in sorts]


def label(interval: Range) -> str:
    """Return what the count of an interval is called: `10..20`, `..10`, `20..`."""
    low, high = interval.gte, interval.lte
    return f"{'' if low is None else as_text(low)}..{'' if high is None else as_text(high)}"


def _count(facet: Facet, request: Retrieve, schema: IndexSchema) -> Count:
    filters, own = request.filters, {*request.filters.terms, *request.filters.ranges}
    only = None
    if facet.field in own and not facet.own_filter:
        only = conditions(filters.without(facet.field), schema)
    if facet.kind == "values":
        if not 1 <= facet.size <= 1000:
            raise EngineError(f"facet {facet.field}: expected a size from 1 to 1000")
        return Count(facet, known_field(facet.field, facet_fields(schema), "count"), (), only)
    field = known_field(facet.field, number_fields(schema), f"count {facet.kind}")
    if facet.kind == "ranges" and not 1 <= len(facet.ranges) <= MAX_INTERVALS:
        raise EngineError(
            f"facet {facet.field}: expected 1 to {MAX_INTERVALS} ranges, found {len(facet.ranges)}"
        )
    intervals = tuple(bounds(facet.field, interval) for interval in facet.ranges)
    return Count(facet, field, intervals, only)
