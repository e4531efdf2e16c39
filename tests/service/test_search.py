from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.service.conftest import World


def body(client: FlaskClient, address: str) -> dict[str, Any]:
    response = client.get(address)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def test_hits_carry_item_place_and_movement(client: FlaskClient, world: World) -> None:
    word = world.items[0].title.split()[-2]
    found = body(client, f"/search?query={word}&size=5&user=u00001&session=s")
    assert 0 < len(found["hits"]) <= 5
    for rank, hit in enumerate(found["hits"]):
        assert hit["rank"] == rank
        assert hit["moved"] == hit["engine_rank"] - rank
        assert hit["item"]["title"]
        assert "features" not in hit
    assert found["degraded"] == []
    assert found["bundle"]
    assert found["took_ms"] > 0


def test_address_and_body_ask_the_same(client: FlaskClient, world: World) -> None:
    item = next(item for item in world.items if item.brand and item.price)
    by_address = body(
        client, f"/search?brand={item.brand}&price_lte={item.price}&facets=brand&size=100"
    )
    asked = {
        "filters": {"terms": {"brand": [item.brand]}, "ranges": {"price": {"lte": item.price}}},
        "facets": ["brand"],
        "size": 100,
    }
    by_body = client.post("/search", json=asked).get_json()
    assert by_address["hits"] == by_body["hits"]
    assert by_address["facets"] == by_body["facets"]
    shown = [hit["item"] for hit in by_address["hits"]]
    assert item.id in [row["id"] for row in shown]
    assert {row["brand"] for row in shown} == {item.brand}
    assert all(row["price"] <= item.price for row in shown)
    counted = {row["value"]: row["count"] for row in by_address["facets"]["brand"]}
    assert counted == {item.brand: by_address["total"]}


def test_pages_join_without_a_gap(client: FlaskClient) -> None:
    whole = [hit["id"] for hit in body(client, "/search?size=20&user=u00001")["hits"]]
    first = [hit["id"] for hit in body(client, "/search?size=10&user=u00001")["hits"]]
    second = [hit["id"] for hit in body(client, "/search?size=10&from=10&user=u00001")["hits"]]
    assert first + second == whole
    assert body(client, "/search?from=10000")["hits"] == []


def test_an_explanation_names_the_features(client: FlaskClient) -> None:
    (hit,) = body(client, "/search?size=1&explain=true&user=u00001")["hits"]
    assert hit["features"]
    assert all(value is None or isinstance(value, float) for value in hit["features"].values())


def test_without_personalising_all_shoppers_get_one_order(client: FlaskClient) -> None:
    def order(more: str) -> list[str]:
        return [hit["id"] for hit in body(client, f"/search?size=50&{more}")["hits"]]

    assert order("personalise=false&user=u00001") == order("personalise=false&user=u00002")


ODD = [
    "",
    " ",
    "x" * 10_000,
    "👗" * 10_000,
    "'\"",
    "title:(a AND",
    "a~ *?[]{}^:\\/",
    "\x00",
    "+-!&&||",
]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("path", ["/search", "/"])
def test_any_words_have_an_answer(client: FlaskClient, text: str, path: str) -> None:
    name = "query" if path == "/search" else "q"
    assert client.get(path, query_string={name: text}).status_code == 200
    if path == "/search":
        assert client.post(path, json={"query": text}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"quer": "x"}, "did you mean 'query'"),
        ({"query": 3}, "query: Input should be a valid string"),
        ({"query": None}, "query"),
        ({"size": 101}, "size.*less than or equal to 100"),
        ({"size": -1}, "size"),
        ({"size": "many"}, "size"),
        ({"from": -1}, "from"),
        ({"user": ""}, "user"),
        ({"user": ["u"]}, "user"),
        ({"user": "u" * 513}, "user"),
        ({"filters": []}, "filters"),
        ({"filters": {"terms": {"brnd": ["x"]}}}, "did you mean 'brand'"),
        ({"filters": {"terms": {"brand": [{}]}}}, "brand"),
        ({"filters": {"terms": {"attributes.nope": ["x"]}}}, "attributes.nope"),
        ({"filters": {"ranges": {"price": {"gte": "low"}}}}, "price"),
        ({"filters": {"ranges": {"price": {"gt": 1}}}}, "gt"),
        ({"filters": {"ranges": {"brand": {"gte": 1}}}}, "brand"),
        ({"facets": "brand"}, "facets"),
        ({"facets": ["nope"]}, "nope"),
        ({"facets": ["price"]}, "unknown field 'price'"),
        ({"facets": ["id"]}, "unknown field 'id'"),
        ({"facets": ["attributes.nope"]}, "attributes.nope"),
        ([], "expected an object"),
        ("x", "expected an object"),
        (3, "expected an object"),
    ],
)
def test_a_wrong_body_is_told_what_is_wrong(
    client: FlaskClient, asked: object, reason: str
) -> None:
    response = client.post("/search", json=asked)
    assert response.status_code == 400, response.text
    assert response.content_type == "application/problem+json"
    told = response.get_json(force=True)
    assert told["status"] == 400
    assert re.search(reason, told["detail"]), told
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    "address",
    [
        "/search?nope=1",
        "/search?size=x",
        "/search?price_gte=nan",
        "/search?price_gte=inf",
        "/search?price_lte=cheap",
        "/search?explain=perhaps",
        "/search?attributes.=x",
        "/search?facets=nope",
    ],
)
def test_a_wrong_parameter_is_told(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 400, response.text
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b'{"query": "\xff"}', b"NaN", b"\x00"])
def test_a_body_that_is_not_json(client: FlaskClient, raw: bytes) -> None:
    response = client.post("/search", data=raw, content_type="application/json")
    assert response.status_code == 400
    assert "not valid JSON" in response.get_json(force=True)["detail"]


def test_similar_items(client: FlaskClient, world: World) -> None:
    item = world.items[0].id
    found = body(client, f"/items/{item}/similar?size=3")
    assert len(found["hits"]) == 3
    assert item not in [hit["id"] for hit in found["hits"]]


@pytest.mark.parametrize(
    ("more", "status"),
    [("?size=0", 400), ("?size=101", 400), ("?size=x", 400), ("?size=²", 400), ("?siz=1", 400)],
)
def test_similar_refuses_other_sizes(
    client: FlaskClient, world: World, more: str, status: int
) -> None:
    response = client.get(f"/items/{world.items[0].id}/similar{more}")
    assert response.status_code == status
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("item", ["nope", "a/b", "%00", "'", "x" * 3000, "%F0%9F%91%97"])
def test_similar_to_an_unknown_item_is_not_found(client: FlaskClient, item: str) -> None:
    response = client.get(f"/items/{item}/similar")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


def test_truths_and_numbers_filter_as_the_index_writes_them(
    client: FlaskClient, world: World
) -> None:
    asked: dict[str, object] = {"size": 0, "filters": {"terms": {"in_stock": True}}}
    found = client.post("/search", json=asked).get_json()
    assert found["total"] == sum(item.in_stock is True for item in world.items) > 0
    for colour in (42, 4.5, 12345678, False):
        asked = {"filters": {"terms": {"attributes.colour": [colour]}}}
        assert client.post("/search", json=asked).get_json()["total"] == 0
