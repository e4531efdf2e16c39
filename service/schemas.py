"""What a request for items may hold, as JSON or as the parameters of an address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError, field_validator
from werkzeug.datastructures import MultiDict

from search_rerank.data.item import explain
from search_rerank.engines.counting import MAX_FACETS, MAX_SORTS
from search_rerank.engines.fields import RANGES, TERMS
from search_rerank.errors import nearest
from search_rerank.filters import FiltersModel, Model, check_depth, is_field
from search_rerank.query import MAX_QUERY_CHARACTERS, Query
from search_rerank.recommend.request import Exclude, Recommend, Scope
from service.consent import Asking, Id
from service.explaining import Explained
from service.filters import FacetModel, SortModel
from service.problems import Problem

MAX_RERANKED = 1_000
MAX_CURSOR_CHARACTERS = 65_536


class _Request(Asking, Explained):
    """What every request for ranked items may hold.

    Parameters
    ----------
    filters
        Conditions that every item must meet.
    collapse
        As in `Query`.
    size, from
        How many hits to return, and from which place on; hits end with the candidates retrieved.
    cursor
        Of an answer: the page that follows is asked for.
    """

    filters: FiltersModel = FiltersModel()
    collapse: bool = False
    size: Annotated[int, Field(ge=0, le=100)] = 10
    start: Annotated[int, Field(alias="from", ge=0, le=10_000)] = 0
    cursor: Annotated[str, Field(max_length=MAX_CURSOR_CHARACTERS)] | None = None

    @property
    def places(self) -> range:
        """The places of the list that are asked for."""
        return range(self.start, self.start + self.size)

    @field_validator("filters", mode="before")
    @classmethod
    def _not_too_deep(cls, value: object) -> object:
        check_depth(value)
        return value


class SearchRequest(_Request):
    """One search.

    Parameters
    ----------
    query
        The words; cut past `MAX_QUERY_CHARACTERS`; empty means browsing.
    facets, sort
        What to count, and fields to order by instead of ranking.
    as_typed
        As in `Query`.
    highlight
        Whether each hit tells where the words stand in it.
    """

    query: str = ""
    facets: Annotated[list[FacetModel], Field(max_length=MAX_FACETS)] = []
    sort: Annotated[list[SortModel], Field(max_length=MAX_SORTS)] = []
    as_typed: bool = False
    highlight: bool = False

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


class RerankRequest(Asking, Explained):
    """One list of the caller's own to be ranked.

    Parameters
    ----------
    items
        Item ids, the caller's best first; an item that is there twice counts once.
    query
        The words that they were found for, if any.
    size
        How many hits to return; all where left out.
    """

    items: Annotated[list[Id], Field(min_length=1, max_length=MAX_RERANKED)]
    query: str = ""
    size: Annotated[int, Field(ge=0, le=MAX_RERANKED)] = MAX_RERANKED

    def to_query(self, now_ms: int) -> Query:
        """Return the library's form of the request."""
        return Query(
            text=self.query[:MAX_QUERY_CHARACTERS],
            user=self.user,
            session=self.session,
            k=len(self.items),
            now_ms=now_ms,
        )


class RecommendRequest(_Request):
    """One request for recommendations.

    Parameters
    ----------
    scope, item, exclude
        As in `Recommend`.
    """

    scope: Scope = "personal"
    item: Id | None = None
    exclude: Exclude | None = None

    def to_recommend(self, k: int, now_ms: int) -> Recommend:
        """Return the library's form of the request.

        Raises
        ------
        DataError
            Where scope and item do not go together.
        """
        return Recommend(
            scope=self.scope,
            user=self.user,
            session=self.session,
            item=self.item,
            filters=self.filters.to_filters(),
            exclude=self.exclude,
            collapse=self.collapse,
            k=k,
            now_ms=now_ms,
        )


_LISTS = ("facets", "sort")
Asked = TypeVar("Asked", bound=Model)


def parse_search(body: object) -> SearchRequest:
    """Check a decoded JSON body.

    Raises
    ------
    Problem
        400, naming each field that is wrong, what was expected there and what was found.
    """
    return _checked(SearchRequest, body, "{'query': 'shoe'}")


def parse_recommend(body: object) -> RecommendRequest:
    """Check a decoded JSON body; raises as `parse_search`."""
    return _checked(RecommendRequest, body, "{'scope': 'personal', 'user': 'u1'}")


def parse_rerank(body: object) -> RerankRequest:
    """Check a decoded JSON body; raises as `parse_search`."""
    return _checked(RerankRequest, body, "{'items': ['p1', 'p2'], 'user': 'u1'}")


def parse_address(args: MultiDict[str, str], extra: tuple[str, ...] = ()) -> SearchRequest:
    """Check the parameters of an address; those named in `extra` belong to someone else.

    A parameter left empty, as a form sends it, is one that is not there.
    """
    own = [(name, args.getlist(name)) for name in args if name not in extra]
    named = [("query" if name == "q" else name, values) for name, values in own]
    return parse_search(_of_address(SearchRequest, named))


def parse_recommend_address(args: MultiDict[str, str]) -> RecommendRequest:
    """Check the parameters of an address, as `parse_address` does."""
    named = [(name, args.getlist(name)) for name in args]
    return parse_recommend(_of_address(RecommendRequest, named))


def _checked(model: type[Asked], body: object, example: str) -> Asked:
    if not isinstance(body, dict):
        raise Problem(400, f"expected an object such as {example}, found {body!r:.60}")
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Problem(400, explain(error, _names(model))) from None


def _of_address(model: type[_Request], named: Iterable[tuple[str, list[str]]]) -> dict[str, Any]:
    """Return the body that parameters stand for: filters are flat, lists have commas."""
    body: dict[str, Any] = {}
    terms: dict[str, list[str]] = {}
    ranges: dict[str, dict[str, str]] = {}
    known = [name for name in _names(model) if name != "filters"]
    for name, given in named:
        values = [value for value in given if value]
        if not values:
            continue
        field, _, bound = name.rpartition("_")
        if name in _LISTS and name in known:
            body[name] = [part for value in values for part in value.split(",") if part]
        elif name in known:
            body[name] = values[0]
        elif bound in ("gte", "lte") and is_field(field, RANGES):
            ranges.setdefault(field, {})[bound] = values[0]
        elif is_field(name, TERMS):
            terms[name] = values
        else:
            bounds = [f"{field}_{end}" for field in RANGES for end in ("gte", "lte")]
            known += [*TERMS, *bounds, "attributes.NAME"]
            raise Problem(400, f"unknown parameter {name[:60]!r}{nearest(name[:60], known)}")
    return body | {"filters": {"terms": terms, "ranges": ranges}}


def _names(model: type[Model]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
