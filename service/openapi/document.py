"""The OpenAPI 3.1 document, made of the table of operations and the schemas of pydantic."""

from __future__ import annotations

import re
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, TypeAdapter

from search_rerank.engines.fields import RANGES, TERMS
from service.access import scope_of
from service.openapi.answers import ProblemBody
from service.openapi.operations import NDJSON, OPERATIONS, Operation, Schema

Json = dict[str, Any]
JSON = "application/json"
_COMPONENTS = "#/components/schemas/{model}"
_OF_PATH = re.compile(r"<(?:\w+:)?(\w+)>")
_LISTS = ("facets", "sort")
_PLACES = {"item_id": "p00001", "user": "u00001", "rule_id": "r1", "version": "0123456789abcdef"}
"""An example of each part of an address."""
_TEXT = {"/users/<path:user>/export": NDJSON, "/metrics": "text/plain"}
"""Addresses whose answer is no JSON, and what it is."""
_ABOUT = """A shop's search box that knows the shopper: search, recommendations and reranking, the events
they learn from, and what the shop decides itself. Every error is a problem document (RFC 9457).

Beside what the schemas tell, a list of one may be given as that one: `facets` and `sort` take names, `filters.terms` single
values. In an address, filters are flat: a field's name, or its name with `_gte` or `_lte`; attributes are `attributes.NAME`.
"""  # noqa: E501


@cache
def document() -> Json:
    """Return the document as JSON; the same in every process of one release."""
    schemas = _Schemas()
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        path = _OF_PATH.sub(r"{\1}", operation.rule)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "search_rerank",
            "version": version("search-rerank"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in OPERATIONS)],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


class _Schemas:
    """The JSON schema of every type that the table names, and the definitions that they share."""

    def __init__(self) -> None:
        types: list[Schema] = [ProblemBody]
        for one in OPERATIONS:
            types += [schema for schema in one.answers.values() if schema is not None]
            types += [schema for schema in (one.query, one.body) if schema is not None]
        unique = {repr(schema): schema for schema in types}
        made, shared = TypeAdapter.json_schemas(
            [(name, "validation", TypeAdapter(schema)) for name, schema in unique.items()],
            ref_template=_COMPONENTS,
        )
        self.definitions: Json = shared.get("$defs", {})
        self._of = {name: schema for (name, _), schema in made.items()}

    def of(self, schema: Schema) -> Json:
        """Return the schema of a type."""
        found: Json = self._of[repr(schema)]
        return found

    def properties(self, model: type[BaseModel]) -> Json:
        """Return the schemas of a model's fields, by the names that JSON has for them."""
        own = self.of(model)
        if "$ref" in own:
            own = self.definitions[own["$ref"].rsplit("/", 1)[1]]
        found: Json = own["properties"]
        return found


def _operation(one: Operation, schemas: _Schemas) -> Json:
    scope = scope_of(one.rule, one.method)
    found: Json = {
        "operationId": _id(one),
        "tags": [one.tag],
        "summary": one.summary,
        "parameters": _parameters(one, schemas),
        "responses": _responses(one, scope is not None, schemas),
        "security": [] if scope is None else [{"bearer": [scope]}, {"key": [scope]}],
    }
    if scope is not None:
        found["description"] = f"Where keys are asked for, this needs one with the scope `{scope}`."
    if one.body is not None:
        content: Json = {JSON: {"schema": schemas.of(one.body), "example": one.example}}
        if one.lines:
            content[NDJSON] = {"schema": {"type": "string"}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _id(one: Operation) -> str:
    words = re.findall(r"[a-z]+", _OF_PATH.sub("", one.rule))
    single = "one" if one.rule.endswith(">") else ""
    return "_".join(filter(None, (one.method.lower(), *words, single)))


def _parameters(one: Operation, schemas: _Schemas) -> list[Json]:
    found: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 512},
            "example": _PLACES[name],
        }
        for name in _OF_PATH.findall(one.rule)
    ]
    found += [
        {
            "name": name,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "example": of,
        }
        for name, of in one.headers.items()
    ]
    if one.query is not None:
        for name, schema in schemas.properties(one.query).items():
            if name != "filters":
                found.append({"name": name, "in": "query", "schema": _flat(name, schema)})
    if one.filters:
        words = {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 2000}}
        found += [{"name": name, "in": "query", "schema": words} for name in TERMS]
        found += [
            {"name": f"{name}_{end}", "in": "query", "schema": {"type": "number"}}
            for name in RANGES
            for end in ("gte", "lte")
        ]
    return found


def _flat(name: str, schema: Json) -> Json:
    """Return what a field is in an address: names instead of objects, and left out, never null."""
    if name in _LISTS:
        return {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 10}
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    several = [part for part in schema.get("anyOf", []) if part.get("type") != "null"]
    return kept | (several[0] if several else {})


def _responses(one: Operation, scoped: bool, schemas: _Schemas) -> Json:
    found: Json = {}
    for status, schema in one.answers.items():
        kind = _TEXT.get(one.rule, JSON)
        body = {"type": "string"} if schema is None else schemas.of(schema)
        content = {kind: {"schema": body}}
        found[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    takes = one.query is not None or one.body is not None or "<" in one.rule
    refusals = {*one.refusals, *((400,) if takes else ())}
    refusals |= {404} if "<" in one.rule else set()  # no address has a line break
    refusals |= {401, 403, 429} if scoped else set()
    refusals |= {413, 415} if one.body is not None else set()
    refusals |= set() if one.rule == "/healthz" else {503}
    for status in sorted(refusals):
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schemas.of(ProblemBody)}},
        }
    return found
