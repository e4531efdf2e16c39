"""What a search request may hold, as JSON or as the parameters of an address."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from werkzeug.datastructures import MultiDict

from search_rerank.data.item import explain
from search_rerank.engines.fields import ATTRIBUTE, FACETS, RANGES, TERMS, as_text
from search_rerank.errors import nearest
from search_rerank.query import MAX_QUERY_CHARACTERS, Filters, Query, Range, value_facets
from service.problems import Problem

Id = Annotated[str, Field(min_length=1, max_length=512)]
Values = Annotated[list[Annotated[str, Field(max_length=2_000)]], Field(max_length=100)]
T = TypeVar("T")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RangeModel(_Model):
    """A closed interval; what is left out is no bound."""

    gte: float | None = None
    lte: float | None = None


class FiltersModel(_Model):
    """Conditions that every answer must meet."""

    terms: Annotated[dict[str, Values], Field(max_length=20)] = {}
    ranges: Annotated[dict[str, RangeModel], Field(max_length=20)] = {}

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
        return _known(value, TERMS)

    @field_validator("ranges")
    @classmethod
    def _known_ranges(cls, value: dict[str, RangeModel]) -> dict[str, RangeModel]:
        return _known(value, RANGES)


class SearchRequest(_Model):
    """One search.

    Parameters
    ----------
    query
        The words; cut past `MAX_QUERY_CHARACTERS`; empty means browsing.
    user, session
        Who asks.
    filters, facets
        Conditions, and fields to count values of.
    size, from
        How many hits to return, and from which place on; hits end with the candidates retrieved.
    explain
        Whether each hit carries its features.
    personalise
        False ranks as for someone without a history.
    """

    query: str = ""
    user: Id | None = None
    session: Id | None = None
    filters: FiltersModel = FiltersModel()
    facets: Annotated[list[str], Field(max_length=20)] = []
    size: Annotated[int, Field(ge=0, le=100)] = 10
    start: Annotated[int, Field(alias="from", ge=0, le=10_000)] = 0
    explain: bool = False
    personalise: bool = True

    @field_validator("facets")
    @classmethod
    def _known_facets(cls, value: list[str]) -> list[str]:
        _known(dict.fromkeys(value, 0), FACETS)
        return value

    def to_query(self, k: int, now_ms: int) -> Query:
        """Return the library's form of the request."""
        terms = {field: tuple(values) for field, values in self.filters.terms.items() if values}
        ranges = {
            field: Range(bounds.gte, bounds.lte) for field, bounds in self.filters.ranges.items()
        }
        return Query(
            text=self.query[:MAX_QUERY_CHARACTERS],
            user=self.user,
            session=self.session,
            filters=Filters(terms, ranges),
            facets=value_facets(*dict.fromkeys(self.facets)),
            k=k,
            now_ms=now_ms,
        )

    def attributes(self) -> set[str]:
        """Return the names of the attributes it filters on or counts."""
        fields = {*self.filters.terms, *self.filters.ranges, *self.facets}
        return {name.removeprefix(ATTRIBUTE) for name in fields if name.startswith(ATTRIBUTE)}


_PLAIN = ("user", "session", "size", "from", "explain", "personalise")


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
        elif name == "facets":
            body[name] = [part for value in values for part in value.split(",") if part]
        elif bound in ("gte", "lte") and _is_field(field, RANGES):
            ranges.setdefault(field, {})[bound] = values[0]
        elif _is_field(name, TERMS):
            terms[name] = values
        else:
            bounds = [f"{field}_{end}" for field in RANGES for end in ("gte", "lte")]
            known = ["query", "facets", *_PLAIN, *TERMS, *bounds, "attributes.NAME"]
            raise Problem(400, f"unknown parameter {name[:60]!r}{nearest(name[:60], known)}")
    return parse_search(body | {"filters": {"terms": terms, "ranges": ranges}})


def _as_text(value: object) -> object:
    """Return numbers and truths as the index writes them; the rest is the model's business."""
    if isinstance(value, bool):
        return as_text(value)
    return as_text(float(value)) if isinstance(value, int | float) else value


def _is_field(name: str, fields: tuple[str, ...]) -> bool:
    return name in fields or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))


def _known(value: dict[str, T], fields: tuple[str, ...]) -> dict[str, T]:
    for name in value:
        if not _is_field(name, fields):
            hint = nearest(name[:60], [*fields, "attributes.NAME"])
            raise ValueError(f"unknown field {name[:60]!r}{hint}")
    return value
