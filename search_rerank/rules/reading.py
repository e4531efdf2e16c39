"""Rules read from JSON; an error names the rule, the key, and the nearest known one."""

from __future__ import annotations

from collections.abc import Iterable

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from search_rerank.errors import DataError, nearest
from search_rerank.filters import FiltersModel, RangeModel
from search_rerank.rules.base import Rule
from search_rerank.rules.rule_set import KINDS, RuleSet
from search_rerank.rules.when import QueryMatch, When
from search_rerank.rules.window import Window

_WITHIN: dict[str, Iterable[str]] = {
    "when": When.model_fields,
    "query": QueryMatch.model_fields,
    "time": ["from", *(name for name in Window.model_fields if name != "start")],
    "hours": ["from", "until"],
    "where": FiltersModel.model_fields,
    "ranges": RangeModel.model_fields,
}


def parse_rules(value: object) -> RuleSet:
    """Check decoded JSON, ``{"rules": [...]}`` or the array alone, and return its rules.

    Raises
    ------
    DataError
        Naming the rule, the key, what was expected there and what was found.
    """
    value = {"rules": value} if isinstance(value, list) else value
    if not isinstance(value, dict):
        raise DataError(f"expected an object such as {{'rules': []}}, found {value!r:.60}")
    try:
        return RuleSet.model_validate_json(orjson.dumps(value))
    except orjson.JSONEncodeError:
        raise DataError("expected rules of a few levels, found more, or no JSON") from None
    except ValidationError as error:
        raise DataError("; ".join(_told(one, value) for one in _first(error))) from None


def parse_rule(value: object, id_: str) -> Rule:
    """Check one decoded rule; its id may be left out, or must be the one given."""
    if not isinstance(value, dict):
        raise DataError(f"expected an object such as {{'kind': 'hide'}}, found {value!r:.60}")
    if value.get("id", id_) != id_:
        raise DataError(f"id: expected {id_!r:.60}, found {value['id']!r:.60}")
    return parse_rules([{"id": id_} | value]).rules[0]


def _first(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False)[:5]


def _told(problem: ErrorDetails, value: dict[str, object]) -> str:
    """Return what is wrong in one line: pydantic's path with the rule's id, the key in words."""
    place = problem["loc"]
    if place[:1] != ("rules",) or len(place) < 2:
        if problem["type"] == "extra_forbidden":
            return f"unknown key {str(place[0])!r:.80}{nearest(str(place[0])[:60], ['rules'])}"
        return _plain(problem, ".".join(map(str, place)))
    rules = value["rules"]
    row = rules[place[1]] if isinstance(rules, list) and isinstance(place[1], int) else {}
    name = row.get("id") if isinstance(row, dict) else None
    kind = place[2] if len(place) > 2 else None
    who = f"rule {name!r:.80}" if isinstance(name, str) else f"rules.{place[1]}"
    path = [str(part) for part in place[3:]]
    if problem["type"] == "extra_forbidden":
        parents = [part for part in path[:-1] if part in _WITHIN]
        own: Iterable[str] = KINDS[str(kind)].model_fields if kind in KINDS else ()
        known = _WITHIN[parents[-1]] if parents else own
        return f"{who}: unknown key {'.'.join(path)!r:.80}{nearest(path[-1][:60], known)}"
    if problem["type"].startswith("union_tag"):
        found = row.get("kind") if isinstance(row, dict) else row
        hint = (
            nearest(found[:60], KINDS)
            if isinstance(found, str)
            else f" (known: {', '.join(KINDS)})"
        )
        return f"{who}: kind: expected one of the known kinds, found {found!r:.60}{hint}"
    return f"{who}: {_plain(problem, '.'.join(path))}"


def _plain(problem: ErrorDetails, path: str) -> str:
    start = f"{path[:200]}: " if path else ""
    if problem["type"] == "missing":
        return f"{path[:200]} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{start}{message}, found {problem['input']!r:.60}"
