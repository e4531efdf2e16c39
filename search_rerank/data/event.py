"""One row of behaviour, in the vocabulary of Metarank's event schema."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from search_rerank.data.item import explain
from search_rerank.errors import DataError, nearest

# Shops write ids as numbers too; the catalogue accepts those, so the log must.
Id = Annotated[str, Field(min_length=1, max_length=512, coerce_numbers_to_str=True)]
GAINS: Mapping[str, float] = MappingProxyType({"click": 1.0, "cart": 2.0, "purchase": 3.0})
"""Strength of each interaction type where nothing else is said; other types count nothing."""
QueryText = Annotated[str, Field(max_length=2_000)]


def parse_time_ms(value: object) -> int:
    """Return unix milliseconds from ISO 8601 or from milliseconds as a number or digits."""
    if isinstance(value, bool):
        raise ValueError("expected ISO 8601 or unix milliseconds")
    if isinstance(value, str):
        text = value.strip()
        try:
            if text.isdigit():
                value = int(text)
            else:
                moment = datetime.fromisoformat(text)
                value = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
        except (ValueError, OverflowError):
            raise ValueError("expected ISO 8601 or unix milliseconds") from None
    if isinstance(value, int | float) and value == value and 0 <= value < 1e14:
        return int(value)
    raise ValueError("expected ISO 8601 or unix milliseconds between 1970 and 5138")


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Id
    time_ms: Annotated[int, Field(alias="timestamp")]
    user: Id | None = None
    session: Id | None = None
    query: QueryText | None = None

    @model_validator(mode="before")
    @classmethod
    def _lift_fields(cls, row: Any) -> Any:
        """Accept Metarank's `fields` list, of which the query is read, and a number in a log."""
        if isinstance(row, dict) and "seq" in row:
            row = {name: value for name, value in row.items() if name != "seq"}
        if not isinstance(row, dict) or not isinstance(row.get("fields"), list):
            return row
        rest = {name: value for name, value in row.items() if name != "fields"}
        for field in row["fields"]:
            if isinstance(field, dict) and field.get("name") == "query":
                rest.setdefault("query", field.get("value"))
        return rest

    @field_validator("time_ms", mode="before")
    @classmethod
    def _time(cls, value: object) -> int:
        return parse_time_ms(value)


class Interaction(_Event):
    """Something a shopper did with one item: click, cart, purchase or the shop's own type."""

    event: Literal["interaction"] = "interaction"
    item: Id
    type: Annotated[str, Field(min_length=1, max_length=64)]
    ranking: Id | None = None
    """Id of the ranking that showed the item, where one did."""

    @model_validator(mode="after")
    def _someone(self) -> Interaction:
        if self.user is None and self.session is None:
            raise ValueError("expected a user, a session or both")
        return self


class Told(NamedTuple):
    """An interaction read back from where it was kept: checked once, which is dear, and not again.

    The fields are those of `Interaction`.
    """

    id: str
    user: str | None
    session: str | None
    item: str
    type: str
    time_ms: int
    query: str | None
    ranking: str | None


class Ranking(_Event):
    """What was shown to a shopper: items in order, best place first."""

    event: Literal["ranking"] = "ranking"
    items: Annotated[tuple[Id, ...], Field(min_length=1, max_length=10_000)]

    @field_validator("items", mode="before")
    @classmethod
    def _plain_ids(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return tuple(row["id"] if isinstance(row, dict) and "id" in row else row for row in value)


Event = Interaction | Ranking
_MODELS: dict[str, type[Interaction] | type[Ranking]] = {
    "interaction": Interaction,
    "ranking": Ranking,
}
IGNORED = ("item", "user")
"""Kinds of Metarank's schema that carry no behaviour: accepted and left out."""


def parse_event(row: object) -> Event | None:
    """Check one decoded row and return its event, None for a kind in `IGNORED`.

    Raises
    ------
    DataError
        Naming each field that is wrong, what was expected there and what was found.
    """
    if not isinstance(row, dict):
        raise DataError(f"expected an object with event, id and timestamp, found {row!r:.60}")
    kind = row.get("event")
    if kind in IGNORED:
        return None
    if not isinstance(kind, str) or kind not in _MODELS:
        hint = nearest(str(kind), [*_MODELS, *IGNORED])
        raise DataError(f"event: expected interaction or ranking, found {kind!r:.60}{hint}")
    model = _MODELS[kind]
    try:
        return model.model_validate(row)
    except ValidationError as error:
        known = {field.alias or name for name, field in model.model_fields.items()}
        raise DataError(explain(error, known)) from None
