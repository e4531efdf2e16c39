"""Items read, put, changed and removed over HTTP, and found by the very next search."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from tests.service.conftest import World

NEW = {"id": "new", "title": "Zanzibar kettle", "brand": "Harrow", "price": 12.5}


@pytest.fixture(scope="module")
def workers(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[FlaskClient, FlaskClient]]:
    """Two workers of one service over a copy of the shop."""
    home = tmp_path_factory.mktemp("changed") / "home"
    shutil.copytree(world.config.home, home)
    config = world.config.model_copy(update={"home": home})
    apps = [create_app(config, clock=lambda: world.now_ms) for _ in range(2)]
    yield apps[0].test_client(), apps[1].test_client()
    for app in apps:
        app.extensions["search_rerank"].close()


@pytest.fixture
def one(workers: tuple[FlaskClient, FlaskClient]) -> Iterator[FlaskClient]:
    yield workers[0]
    workers[0].delete("/items/new")


def found(client: FlaskClient, words: str) -> dict[str, dict[str, Any]]:
    hits = client.get("/search", query_string={"query": words, "size": 100}).get_json()["hits"]
    return {hit["id"]: hit["item"] for hit in hits if hit["lexical"]}


def test_an_item_put_is_found_changed_and_removed_in_any_worker(
    workers: tuple[FlaskClient, FlaskClient],
) -> None:
    one, other = workers
    made = one.put("/items/new", json=NEW)
    assert (made.status_code, made.get_json()) == (201, {"id": "new", "status": "written"})
    assert found(other, "zanzibar") == {"new": NEW}
    assert other.get("/items/new").get_json() == NEW
    again = other.put("/items/new", json=NEW)
    assert (again.status_code, again.get_json()["status"]) == (200, "unchanged")
    changed = other.patch("/items/new", json={"price": 9, "brand": None, "in_stock": True})
    assert (changed.status_code, changed.get_json()["status"]) == (200, "written")
    assert found(one, "zanzibar")["new"] == {
        "id": "new",
        "title": "Zanzibar kettle",
        "price": 9.0,
        "in_stock": True,
    }
    assert one.delete("/items/new").get_json() == {"id": "new", "status": "written"}
    assert found(other, "zanzibar") == {}
    for gone in (other.get("/items/new"), other.delete("/items/new")):
        assert gone.status_code == 404


def test_the_id_may_stand_in_the_address_alone(one: FlaskClient) -> None:
    assert one.put("/items/new", json={"title": "Zanzibar"}).status_code == 201
    assert one.get("/items/new").get_json()["title"] == "Zanzibar"
    assert one.delete("/items/new").status_code == 200


@pytest.mark.parametrize("item", ["a/b", "a b", "é👗", "a?b#c", "similar"])
def test_any_id_has_an_address(one: FlaskClient, item: str) -> None:
    from urllib.parse import quote

    address = f"/items/{quote(item)}"
    assert one.put(address, json={"title": "Odd"}).status_code == 201
    assert one.get(address).get_json()["id"] == item
    assert one.delete(address).status_code == 200


@pytest.mark.parametrize("size", ["0", "101", "-1", "x", f"{1:09}{1:09}", f"{1:09}{0:05000}"])
def test_a_size_that_is_none_is_refused(one: FlaskClient, world: World, size: str) -> None:
    found = one.get(f"/items/{world.items[0].id}/similar?size={size}")
    assert found.status_code == 400
    assert "size: expected a number from 1 to 100" in found.get_json(force=True)["detail"]


def test_an_older_state_is_a_conflict(one: FlaskClient) -> None:
    at = "2021-01-01T00:00:00Z"
    item = {"title": "Dated", "updated_at": at}
    assert one.put("/items/dated", json=item).status_code == 201
    old = one.put("/items/dated", json=item | {"updated_at": "2020-01-01T00:00:00Z"})
    told = old.get_json(force=True)
    assert (old.status_code, told["outcome"]) == (409, {"id": "dated", "status": "stale"})
    assert "newer state" in told["detail"]
    assert one.get("/items/dated").get_json()["updated_at"] == at
    assert one.delete("/items/dated").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("PUT", "/items/new", {"id": "other", "title": "x"}, 400, "expected 'new' as in"),
        ("PUT", "/items/new", {"titel": "x"}, 422, "did you mean 'title'"),
        ("PUT", "/items/new", {"title": "x", "price": -1}, 422, "price"),
        ("PUT", "/items/new", {"title": "x", "attributes": {"a": {}}}, 422, "attributes.a"),
        ("PUT", "/items/new", [], 400, "expected an object"),
        ("PUT", "/items/new", "x", 400, "expected an object"),
        ("PATCH", "/items/nope", {"price": 1}, 404, "expected an item of the index"),
        ("PATCH", "/items/ITEM", {}, 400, "expected the fields that change"),
        ("PATCH", "/items/ITEM", {"id": "x", "price": 1}, 400, "as in the address"),
        ("PATCH", "/items/ITEM", {"prise": 1}, 422, "did you mean 'price'"),
        ("PATCH", "/items/ITEM", {"price": "cheap"}, 422, "price"),
        ("PATCH", "/items/ITEM", {"title": None}, 422, "title is missing"),
        ("POST", "/items", [], 400, "1 to 1000 items, found 0"),
        ("POST", "/items", [{"id": "x", "title": "x"}] * 1001, 400, "found 1001"),
        ("POST", "/items", {"id": 3}, 422, "title is missing"),
    ],
)
def test_what_is_wrong_is_told(
    one: FlaskClient, world: World, method: str, path: str, body: object, status: int, reason: str
) -> None:
    path = path.replace("ITEM", world.items[0].id)
    response = one.open(path, method=method, json=body)
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    assert reason in response.get_json(force=True)["detail"]


def test_a_body_must_be_json_and_not_too_large(one: FlaskClient, world: World) -> None:
    assert one.put("/items/new", data=b"{", content_type="application/json").status_code == 400
    assert one.put("/items/new", data=b"{}", content_type="text/plain").status_code == 415
    large = b" " * (world.config.service.max_body_bytes + 1)
    for method, path in (("PUT", "/items/new"), ("PATCH", "/items/new"), ("POST", "/items")):
        response = one.open(path, method=method, data=large, content_type="application/json")
        assert response.status_code == 413


@pytest.mark.parametrize("mimetype", ["application/json", "application/x-ndjson"])
def test_a_wrong_row_costs_no_neighbour(one: FlaskClient, mimetype: str) -> None:
    lines = ['{"id": "new", "title": "Zanzibar"}', '{"id": "b"}', '{"id": ', '{"id": "new"}']
    body = "\n".join([*lines[:3], '{"id": "new", "title": "Zanzibar dish"}'])
    told = one.post("/items", data=body, content_type=mimetype).get_json()
    outcomes = told["outcomes"]
    assert [row["status"] for row in outcomes] == ["stale", "refused", "refused", "written"]
    assert [row["index"] for row in outcomes] == [0, 1, 2, 3]
    assert "title is missing" in outcomes[1]["reason"]
    assert "not valid JSON" in outcomes[2]["reason"]
    assert told["written"] == 1  # of several with one id the last
    assert one.get("/items/new").get_json()["title"] == "Zanzibar dish"


def test_a_patch_does_not_touch_the_rest(one: FlaskClient, world: World) -> None:
    item = world.items[3].id
    before = one.get(f"/items/{item}").get_json()
    cosines = {
        hit["id"]: hit["vector"] for hit in one.get(f"/items/{item}/similar").get_json()["hits"]
    }
    assert one.patch(f"/items/{item}", json={"price": 4321.5}).status_code == 200
    assert one.get(f"/items/{item}").get_json() == before | {"price": 4321.5}
    after = one.get(f"/items/{item}/similar").get_json()["hits"]
    assert {hit["id"]: hit["vector"] for hit in after} == cosines
