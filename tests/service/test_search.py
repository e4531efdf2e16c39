from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from flask.testing import FlaskClient

from search_rerank.engines.embedded import EmbeddedEngine
from search_rerank.errors import EngineError
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
    assert counted[item.brand] == by_address["total"]


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


def nested(depth: int) -> dict[str, Any]:
    filters: dict[str, Any] = {"terms": {"brand": "x"}}
    for _ in range(depth - 1):
        filters = {"all_of": [filters]}
    return filters


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
        ({"facets": [{"field": "price", "kind": "ranges"}]}, "expected ranges where kind"),
        ({"facets": [{"field": "brand", "ranges": [{"gte": 1}]}]}, "expected ranges where kind"),
        ({"facets": [{"field": "brand", "kind": "statistics"}]}, "unknown field 'brand'"),
        ({"facets": [{"field": "brand", "size": 0}]}, "size"),
        ({"facets": [{"field": "price", "kind": "median"}]}, "kind"),
        ({"facets": [3]}, "facets"),
        ({"sort": "brand"}, "unknown field 'brand'"),
        ({"sort": "-pric"}, "did you mean 'price'"),
        ({"sort": [{"field": "price", "order": "up"}]}, "order"),
        ({"sort": "attributes.nope"}, "attributes.nope.*attributes.colour"),
        ({"sort": ["price"] * 6}, "sort"),
        ({"collapse": "perhaps"}, "collapse"),
        ({"filters": {"any_of": {}}}, "any_of"),
        ({"filters": {"any_of": [{"terms": {"brnd": "x"}}]}}, "did you mean 'brand'"),
        ({"filters": {"none_of": [{"terms": {"attributes.nope": "x"}}]}}, "attributes.nope"),
        ({"filters": {"all_of": [{"terms": {"brand": ["x"] * 100}}] * 99}}, "at most 200"),
        ({"filters": nested(6)}, "at most 5 levels"),
        ({"filters": nested(100)}, "at most 5 levels"),
        ({"filters": nested(300)}, "nested deeper than 254 levels"),
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
        "/search?sort=nope",
        "/search?sort=-brand",
        "/search?sort=attributes.nope",
        "/search?as_typed=perhaps",
    ],
)
def test_a_wrong_parameter_is_told(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 400, response.text
    assert response.content_type == "application/problem+json"


DEEP = b'{"query": ' + b"[" * 900 + b"]" * 900 + b"}"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 100_000, DEEP, DEEP[10:-1], b'{"query": "\xff"}', b"NaN", b"\x00"]
)
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


def test_conditions_as_a_tree(client: FlaskClient, world: World) -> None:
    brands = sorted({item.brand for item in world.items if item.brand})[:2]
    tree = {
        "any_of": [{"terms": {"brand": brands[0]}}, {"terms": {"brand": [brands[1]]}}],
        "none_of": [{"ranges": {"price": {"gte": 50}}}],
        "all_of": [{"none_of": [nested(2)]}],
    }
    found = client.post("/search", json={"filters": tree, "size": 0}).get_json()
    assert found["total"] == sum(
        item.brand in brands and not (item.price or 0) >= 50 for item in world.items
    )


def test_facets_of_three_kinds(client: FlaskClient, world: World) -> None:
    prices = [item.price for item in world.items if item.price is not None]
    facets = [
        "brand",
        {"field": "brand", "size": 50},
        {"field": "price", "kind": "ranges", "ranges": [{"lte": 20}, {"gte": 20}]},
        {"field": "price", "kind": "statistics"},
    ]
    found = client.post("/search", json={"facets": facets, "size": 0}).get_json()
    assert found["facets"]["price"] == [
        {"value": "..20", "count": sum(price < 20 for price in prices)},
        {"value": "20..", "count": sum(price >= 20 for price in prices)},
    ]
    told = found["statistics"]["price"]
    assert (told["count"], told["least"]) == (len(prices), pytest.approx(min(prices)))
    assert told["greatest"] == pytest.approx(max(prices))
    assert told["mean"] == pytest.approx(sum(prices) / len(prices))
    assert sum(row["count"] for row in found["facets"]["brand"]) == sum(
        item.brand is not None for item in world.items
    )


def test_a_facet_counts_what_choosing_more_would_give(client: FlaskClient, world: World) -> None:
    brand = next(item.brand for item in world.items if item.brand)
    asked: dict[str, Any] = {"filters": {"terms": {"brand": brand}}, "size": 0}
    open_ = client.post("/search", json=asked | {"facets": ["brand"]}).get_json()
    own = {"field": "brand", "own_filter": True}
    closed = client.post("/search", json=asked | {"facets": [own]}).get_json()
    assert len(open_["facets"]["brand"]) > 1
    assert closed["facets"]["brand"] == [{"value": brand, "count": closed["total"]}]


@pytest.mark.parametrize("way", ["price", "-price"])
def test_a_sorted_answer_keeps_its_order(client: FlaskClient, world: World, way: str) -> None:
    by_address = body(client, f"/search?sort={way}&size=100&user=u00001")
    order = "desc" if way[0] == "-" else "asc"
    asked = {"sort": [{"field": "price", "order": order}], "size": 100, "user": "u00001"}
    assert client.post("/search", json=asked).get_json()["hits"] == by_address["hits"]
    prices = [hit["item"]["price"] for hit in by_address["hits"]]
    expected = sorted(
        (item.price for item in world.items if item.price is not None), reverse=way[0] == "-"
    )
    assert prices == expected[:100]
    assert {hit["moved"] for hit in by_address["hits"]} == {0}
    assert (by_address["degraded"], by_address["bundle"]) == ([], None)


def test_highlights_say_where_the_words_stand(client: FlaskClient, world: World) -> None:
    word = world.items[0].title.split()[-1]
    found = body(client, f"/search?query={word}&highlight=true&size=5")
    marked = [
        hit["item"]["title"][start:end]
        for hit in found["hits"]
        for start, end in hit["highlights"].get("title", [])
    ]
    assert word in marked
    plain = body(client, f"/search?query={word}&size=5")
    assert all("highlights" not in hit for hit in plain["hits"])
    none = body(client, "/search?highlight=true&size=2")
    assert [hit["highlights"] for hit in none["hits"]] == [{}, {}]


def test_an_answer_without_its_highlights_is_whole(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise EngineError("node 10.0.0.1 broke")

    monkeypatch.setattr(EmbeddedEngine, "highlight", broken)
    response = client.get("/search?query=shoes&highlight=true")
    assert [part["stage"] for part in response.get_json()["degraded"]] == ["highlight"]
    assert response.get_json()["hits"]
    assert "10.0.0.1" not in response.text


def test_what_was_searched_instead_is_told(client: FlaskClient, world: World) -> None:
    word = max((w for item in world.items for w in item.title.split() if w.isalpha()), key=len)
    typo = word[:-2] + word[-1]
    found = body(client, f"/search?query={typo}")
    assert (found["searched"], found["did_you_mean"]) == (word.lower(), None)
    assert found["total"] > 0 and found["relaxed"] == []
    as_typed = body(client, f"/search?query={typo}&as_typed=true")
    assert as_typed["searched"] is None
    assert as_typed["did_you_mean"] == word.lower()
    assert as_typed["relaxed"] == ["meaning"]


def test_variants_are_collapsed_where_asked(client: FlaskClient, world: World) -> None:
    groups = Counter(item.group_id for item in world.items if item.group_id)
    whole = body(client, "/search?size=100")["hits"]
    one_each = body(client, "/search?size=100&collapse=true")["hits"]
    shown = Counter(hit["item"]["group_id"] for hit in one_each if "group_id" in hit["item"])
    assert all(count == 1 for count in shown.values())
    if not groups:
        assert [hit["id"] for hit in one_each] == [hit["id"] for hit in whole]


def test_similar_gives_as_many_as_asked(client: FlaskClient, world: World) -> None:
    for size in (1, 60, 100):
        for item in world.items[:3]:
            hits = body(client, f"/items/{item.id}/similar?size={size}")["hits"]
            assert len(hits) == size
            cosines = [hit["vector"] for hit in hits]
            assert cosines == sorted(cosines, reverse=True)
