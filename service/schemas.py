"""What a search request may hold, as JSON or as the parameters of an address."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from werkzeug.datastructures import MultiDict

from search_rerank.data.item import explain
from search_rerank.engines.counting import MAX_FACETS, MAX_SORTS
from search_rerank.engines.fields import RANGES, TERMS
from search_rerank.errors import nearest
from search_rerank.query import MAX_QUERY_CHARACTERS, Query
from service.filters import FacetModel, FiltersModel, Model, SortModel, check_depth, is_field
from service.problems import Problem

Id = Annotated[str, Field(min_length=1, max_length=512)]


class SearchRequest(Model):
    """One search.

    Parameters
    ----------
    query
        The words; cut past `MAX_QUERY_CHARACTERS`; empty means browsing.
    user, session
        Who asks.
    filters, facets, sort
        Conditions, what to count, and fields to order by instead of ranking.
    collapse, as_typed
        As in `Query`.
    size, from
        How many hits to return, and from which place on; hits end with the candidates retrieved.
    highlight
        Whether each hit tells where the words stand in it.
    explain
        Whether each hit carries its features.
    personalise
        False ranks as for someone without a history.
    """

    query: str = ""
    user: Id | None = None
    session: Id | None = None
    filters: FiltersModel = FiltersModel()
    facets: Annotated[list[FacetModel], Field(max_length=MAX_FACETS)] = []
    sort: Annotated[list[SortModel], Field(max_length=MAX_SORTS)] = []
    collapse: bool = False
    as_typed: bool = False
    size: Annotated[int, Field(ge=0, le=100)] = 10
    start: Annotated[int, Field(alias="from", ge=0, le=10_000)] = 0
    highlight: bool = False
    explain: bool = False
    personalise: bool = True

    @field_validator("filters", mode="before")
    @classmethod
    def _not_too_deep(cls, value: object) -> object:
        check_depth(value)
        return value

    @field_validator("sort", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, str | dict) else value

    @field_validator("facets")
    @classmethod
    def _each_once(cls, value: list[FacetModel]) -> list[FacetModel]:
        """Let a field that is asked for twice in the same words be counted once."""
        return [facet for n, facet in enumerate(value) if facet not in value[:n]]

    def to_query(self, k: int, now_ms: int) -> Query:
        """Return the library's form of the request."""
        return Query(
            text=self.query[:MAX_QUERY_CHARACTERS],
            user=self.user,
            session=self.session,
            filters=self.filters.to_filters(),
            facets=tuple(facet.to_facet() for facet in self.facets),
            k=k,
            now_ms=now_ms,
            sort=tuple(sort.to_sort() for sort in self.sort),
            collapse=self.collapse,
            as_typed=self.as_typed,
        )


_FLAGS = ("explain", "personalise", "highlight", "collapse", "as_typed")
_PLAIN = ("user", "session", "size", "from", *_FLAGS)
_LISTS = ("facets", "sort")


def parse_search(body: object) -> SearchRequest:
    """Check a decoded JSON body.

    Raises
    ------
    Problem
        400, naming each field that is wrong, what was expected there and what was found.
    """
    if not isinstance(body, dict):
        raise Problem(400, f"expected an object such as {{'query': 'shoe'}}, found {body!r:.60}")
    try:
        return SearchRequest.model_validate(body)
    except ValidationError as error:
        known = {field.alias or name for name, field in SearchRequest.model_fields.items()}
        raise Problem(400, explain(error, known)) from None


def parse_address(args: MultiDict[str, str], extra: tuple[str, ...] = ()) -> SearchRequest:
    """Check the parameters of an address; those named in `extra` belong to someone else.

    A parameter left empty, as a form sends it, is one that is not there.
    """
    body: dict[str, Any] = {}
    terms: dict[str, list[str]] = {}
    ranges: dict[str, dict[str, str]] = {}
    for name in args:
        if name in extra:
            continue
        values = [value for value in args.getlist(name) if value]
        if not values:
            continue
        field, _, bound = name.rpartition("_")
        if name in ("query", "q"):
            body["query"] = values[0]
        elif name in _PLAIN:
            body[name] = values[0]
        elif name in _LISTS:
            body[name] = [part for value in values for part in value.split(",") if part]
        elif bound in ("gte", "lte") and is_field(field, RANGES):
            ranges.setdefault(field, {})[bound] = values[0]
        elif is_field(name, TERMS):
            terms[name] = values
        else:
            bounds = [f"{field}_{end}" for field in RANGES for end in ("gte", "lte")]
            known = ["query", *_LISTS, *_PLAIN, *TERMS, *bounds, "attributes.NAME"]
            raise Problem(400, f"unknown parameter {name[:60]!r}{nearest(name[:60], known)}")
    return parse_search(body | {"filters": {"terms": terms, "ranges": ranges}})
