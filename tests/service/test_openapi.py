"""The document tells every operation that there is, and no other; its examples run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from search_rerank.config import Config
from service.access import scope_of
from service.app import create_app
from service.openapi.document import document
from service.openapi.operations import NDJSON, OPERATIONS, Operation
from tests.service.conftest import World, build

FOR_PEOPLE = {"/", "/shop/items/<path:item_id>", "/shop/events", "/docs", "/docs/assets/<name>"}
NAMED = [pytest.param(one, id=f"{one.method} {one.rule}") for one in OPERATIONS]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A shop that the tests may change."""
    return build(tmp_path_factory.mktemp("documented"))


@pytest.fixture(scope="module")
def asked(own: World) -> Iterator[FlaskClient]:
    app = create_app(own.config, clock=lambda: own.now_ms)
    yield app.test_client()
    app.extensions["search_rerank"].close()


def address_of(one: Operation, world: World) -> str:
    values = {
        "item_id": world.items[0].id,
        "user": "u00001",
        "rule_id": "r1",
        "version": next(
            path.name for path in (Path(world.config.home) / "bundles").glob("[0-9a-f]*")
        ),
    }
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], one.rule)


def described(one: Operation, status: int) -> dict[str, Any]:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", one.rule)
    found: dict[str, Any] = document()["paths"][path][one.method.lower()]["responses"]
    assert str(status) in found, f"{one.method} {one.rule} answers {status}, which is not told"
    content: dict[str, Any] = found[str(status)]["content"]
    return content


def check(one: Operation, response: Any) -> None:
    """Compare an answer with what the document says of its status."""
    content = described(one, response.status_code)
    (kind,) = content
    assert response.mimetype == kind
    if "json" in kind and kind != NDJSON:
        schema = content[kind]["schema"] | {"components": document()["components"]}
        jsonschema_rs.validator_for(schema).validate(response.get_json())


def test_every_operation_is_told_and_none_else(asked: FlaskClient) -> None:
    there = {
        (rule.rule, method)
        for rule in asked.application.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS") and rule.endpoint != "static"
    }
    told = [(one.rule, one.method) for one in OPERATIONS]
    assert len(told) == len(set(told))
    assert set(told) == {pair for pair in there if pair[0] not in FOR_PEOPLE}
    assert {rule for rule, _ in there} >= FOR_PEOPLE


def test_the_document_is_well_formed(asked: FlaskClient) -> None:
    found = asked.get("/openapi.json").get_json()
    assert found == document() and found["openapi"] == "3.1.0"
    names = [one["operationId"] for path in found["paths"].values() for one in path.values()]
    assert len(names) == len(set(names)) == len(OPERATIONS)
    for schema in found["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    used = set(re.findall(r"#/components/schemas/(\w+)", str(found)))
    assert used <= set(found["components"]["schemas"])


@pytest.mark.parametrize("one", NAMED)
def test_the_scope_is_that_of_the_key_that_is_asked_for(one: Operation) -> None:
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", one.rule)
    found = document()["paths"][path][one.method.lower()]
    scope = scope_of(one.rule, one.method)
    assert found["security"] == ([] if scope is None else [{"bearer": [scope]}, {"key": [scope]}])
    assert ("401" in found["responses"]) == (scope is not None)


@pytest.mark.slow
@pytest.mark.parametrize("one", NAMED)
def test_its_example_runs_and_the_answer_is_as_told(
    asked: FlaskClient, own: World, one: Operation
) -> None:
    address = address_of(one, own)
    if one.rule == "/rules/<rule_id>" and one.method != "PUT":
        example = next(o.example for o in OPERATIONS if o.rule == one.rule and o.method == "PUT")
        asked.put(address, json=example, headers={"If-Match": "*"})
    body = {} if one.body is None else {"json": one.example}
    if one.method == "DELETE" and one.rule.startswith("/items"):
        asked.put(address, json={"title": "Kettle"})
    response = asked.open(address, method=one.method, headers=dict(one.headers), **body)
    rolled_back = one.rule == "/bundles/rollback"  # one bundle alone has none before it
    assert response.status_code in ({409} if rolled_back else set(one.answers))
    check(one, response)


@pytest.mark.slow
@pytest.mark.parametrize("one", [one for one in NAMED if one.values[0].body is not None])
def test_a_wrong_body_is_a_problem_as_told(asked: FlaskClient, own: World, one: Operation) -> None:
    wrong: list[dict[str, Any]] = [
        {"json": {"colour": 1}}, {"data": b"{", "content_type": "application/json"},
        {"data": b"x", "content_type": "text/plain"}, {"json": 7},
    ]  # fmt: skip
    for body in wrong:
        address = address_of(one, own)
        response = asked.open(address, method=one.method, headers=dict(one.headers), **body)
        assert 400 <= response.status_code < 500
        check(one, response)


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    ["/search?query=shoes&explain=true&reasons=true&highlight=true&facets=brand&user=u00001",
     "/search?sort=price&size=0", "/recommend?scope=trending&reasons=true",
     "/suggest?q=sh&user=u00001", "/search?query=shose"],
)  # fmt: skip
def test_whole_answers_are_as_told(asked: FlaskClient, address: str) -> None:
    rule = address.split("?")[0]
    one = next(one for one in OPERATIONS if (one.rule, one.method) == (rule, "GET"))
    response = asked.get(address)
    assert response.status_code == 200
    check(one, response)
    cursor = (response.get_json() or {}).get("cursor")
    if cursor:
        check(one, asked.get(rule, query_string={"cursor": cursor}))


@pytest.mark.slow
def test_an_explained_rerank_is_as_told(asked: FlaskClient, own: World) -> None:
    one = next(one for one in OPERATIONS if one.rule == "/rerank")
    items = ["unheard-of", *(item.id for item in own.items[:20])]
    body = {"items": items, "explain": True, "reasons": True, "user": "u00001"}
    check(one, asked.post("/rerank", json=body))


def test_without_an_index_problems_are_as_told(empty_client: FlaskClient) -> None:
    for one in OPERATIONS:
        if one.method == "GET" and "<" not in one.rule:
            check(one, empty_client.get(one.rule))


def test_the_page_and_its_files_come_from_here(asked: FlaskClient) -> None:
    page = asked.get("/docs").get_data(as_text=True)
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert links and all(link.startswith("/") and not link.startswith("//") for link in links)
    for link in links:
        assert asked.get(link).status_code == 200
    assert asked.get("/docs/assets/../flask_swagger_ui.py").status_code == 404
    assert asked.get("/docs/assets/swagger-ui.js").status_code == 404


def test_the_document_is_open_where_keys_are_asked_for(tmp_path: Path) -> None:
    config = Config.model_validate({"home": str(tmp_path), "access": {"keys": "always"}})
    client = create_app(config).test_client()
    assert client.get("/openapi.json").status_code == client.get("/docs").status_code == 200
    assert client.get("/rules").status_code == 401
