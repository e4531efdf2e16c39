from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from search_rerank.answer import Answer
from search_rerank.data.event import Interaction
from search_rerank.state.opening import open_state
from service import strips
from service.app import create_app
from service.runtime import Runtime
from service.schemas import RecommendRequest
from tests.service.conftest import World

USER = "u00001"
SCOPES = ("personal", "trending", "similar", "cross_category", "recently_viewed")


def body(client: FlaskClient, address: str) -> dict[str, Any]:
    response = client.get(address)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def address(scope: str, world: World) -> str:
    item = f"&item={world.items[0].id}" if scope == "similar" else ""
    return f"/recommend?scope={scope}&user={USER}{item}"


def had(world: World, *types: str) -> set[str]:
    state = open_state(world.config)
    past = state.history(USER, None, 10_000)
    state.close()
    return {one.item for one in past if not types or one.type in types}


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_has_hits_with_their_items(
    client: FlaskClient, world: World, scope: str
) -> None:
    found = body(client, address(scope, world) + "&size=5&explain=true")
    assert 0 < len(found["hits"]) <= 5
    assert [hit["rank"] for hit in found["hits"]] == list(range(len(found["hits"])))
    assert all(hit["item"]["title"] and not hit["explored"] for hit in found["hits"])
    assert found["basis"] == "history" and found["history"] > 0
    ranked = scope != "recently_viewed"
    assert bool(found["bundle"]) == ranked
    assert all(("features" in hit) == ranked for hit in found["hits"])
    stages = [part["stage"] for part in found["degraded"]]
    assert stages == (["candidates.cross_category"] if scope == "cross_category" else [])
    assert found["took_ms"] > 0


def test_personal_is_the_default_and_leaves_out_what_was_bought(
    client: FlaskClient, world: World
) -> None:
    by_default = body(client, f"/recommend?user={USER}&size=100")["hits"]
    assert by_default == body(client, f"/recommend?scope=personal&user={USER}&size=100")["hits"]
    shown = {hit["id"] for hit in by_default}
    assert had(world, "purchase") and not shown & had(world, "purchase")
    unseen = body(client, f"/recommend?user={USER}&size=100&exclude=seen")["hits"]
    assert not {hit["id"] for hit in unseen} & had(world)


def test_recently_viewed_is_what_the_state_holds(client: FlaskClient, world: World) -> None:
    state = open_state(world.config)
    past = state.history(USER, None, 10_000)
    state.close()
    newest = list(dict.fromkeys(one.item for one in reversed(past)))
    found = body(client, f"/recommend?scope=recently_viewed&user={USER}&size=100")
    assert [hit["id"] for hit in found["hits"]] == newest[:100]
    assert found["history"] == min(len(past), 1000)


def test_address_and_body_ask_the_same(client: FlaskClient, world: World) -> None:
    by_address = body(client, f"/recommend?user={USER}&price_lte=60&in_stock=true&size=50")
    asked = {
        "user": USER,
        "filters": {"terms": {"in_stock": True}, "ranges": {"price": {"lte": 60}}},
        "size": 50,
    }
    by_body = client.post("/recommend", json=asked).get_json()
    assert by_address["hits"] == by_body["hits"] != []
    shown = [hit["item"] for hit in by_body["hits"]]
    assert all(row["price"] <= 60 and row["in_stock"] for row in shown)


def test_pages_join_and_variants_collapse(client: FlaskClient) -> None:
    whole = body(client, f"/recommend?user={USER}&size=20")["hits"]
    second = body(client, f"/recommend?user={USER}&size=10&from=10")["hits"]
    assert whole[10:] == second
    one_each = body(client, f"/recommend?user={USER}&size=100&collapse=true")["hits"]
    groups = [hit["item"]["group_id"] for hit in one_each if "group_id" in hit["item"]]
    assert len(groups) == len(set(groups)) > 0


def test_without_personalising_all_shoppers_get_one_order(client: FlaskClient) -> None:
    one, other = (
        body(client, f"/recommend?user={user}&personalise=false") for user in (USER, "u00002")
    )
    assert one["hits"] == other["hits"]
    assert (one["basis"], one["history"]) == ("popularity", 0)


@pytest.mark.parametrize("path", ["/search", "/recommend"])
def test_the_answer_names_the_rung(client: FlaskClient, world: World, path: str) -> None:
    run = client.application.extensions["search_rerank"]
    visit = f"rung{path[1:]}"
    click = {"id": visit, "timestamp": world.now_ms - 1, "session": visit, "type": "click"}
    run.state.append([Interaction.model_validate(click | {"item": world.items[0].id})])
    department = world.items[0].category[0]
    rungs = {
        f"user={USER}": "history",
        f"session={visit}": "session",
        f"session=nobody&category={department}": "segment",
        "session=nobody": "popularity",
    }
    for who, basis in rungs.items():
        assert body(client, f"{path}?{who}")["basis"] == basis, who
    assert body(client, f"/search?sort=price&user={USER}")["basis"] is None


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"scope": "persnal"}, "scope.*'personal'"),
        ({"scop": "personal"}, "did you mean 'scope'"),
        ({"scope": "similar"}, "expected an item to be similar to"),
        ({"scope": "trending", "item": "x"}, "with trending"),
        ({"item": ""}, "item"),
        ({"exclude": "all"}, "exclude"),
        ({"size": 101}, "size"),
        ({"query": "shoe"}, "unknown field 'query'"),
        ({"facets": ["brand"]}, "unknown field 'facets'"),
        ({"filters": {"terms": {"brnd": "x"}}}, "did you mean 'brand'"),
        ({"filters": {"terms": {"attributes.nope": "x"}}}, "attributes.nope"),
        ({"scope": "trending", "filters": {"terms": {"in_stock": "perhaps"}}}, "in_stock"),
        ([], "expected an object such as {'scope'"),
    ],
)
def test_a_wrong_body_is_told_what_is_wrong(
    client: FlaskClient, asked: object, reason: str
) -> None:
    response = client.post("/recommend", json=asked)
    assert response.status_code == 400, response.text
    assert response.content_type == "application/problem+json"
    assert re.search(reason, response.get_json(force=True)["detail"]), response.text


@pytest.mark.parametrize("more", ["scop=x", "query=x", "sort=price", "size=x", "price_gte=nan"])
def test_a_wrong_parameter_is_told(client: FlaskClient, more: str) -> None:
    response = client.get(f"/recommend?{more}")
    assert response.status_code == 400, response.text
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("scope", ["similar", "cross_category"])
def test_an_item_that_is_not_there_is_not_found(client: FlaskClient, scope: str) -> None:
    response = client.get(f"/recommend?scope={scope}&item=nope")
    assert response.status_code == 404
    assert "found no item 'nope'" in response.get_json()["detail"]


def test_a_service_without_an_index_says_so(empty_client: FlaskClient) -> None:
    response = empty_client.get("/recommend")
    assert response.status_code == 503
    assert response.get_json()["part"] == "engine"


@pytest.fixture
def with_a_new_item(world: World, tmp_path: Path) -> Iterator[FlaskClient]:
    """A copy of the shop to which an item came after the training; the engine has it last."""
    shutil.copytree(world.config.home, tmp_path / "home")
    config = world.config.model_copy(update={"home": tmp_path / "home"})
    app = create_app(config, clock=lambda: world.now_ms)
    client = app.test_client()
    row = {"title": "Something just in", "category": world.items[0].category, "price": 20}
    assert client.put("/items/zz-new", json=row).status_code == 201
    yield client
    app.extensions["search_rerank"].close()


def test_a_new_item_gets_its_chance_and_says_so(with_a_new_item: FlaskClient, world: World) -> None:
    client, department = with_a_new_item, world.items[0].category[0]
    explored = []
    for n in range(20):
        address = f"category={department}&user=stranger{n}"
        hits = body(client, f"/search?{address}&size=10")["hits"]
        explored += [(hit["id"], hit["rank"]) for hit in hits if hit["explored"]]
    assert {id_ for id_, _ in explored} == {"zz-new"}
    assert min(rank for _, rank in explored) >= 3
    assert len({rank for _, rank in explored}) > 1
    assert '<span class="moved fresh">New</span>' in client.get(f"/?{address}").text


def test_what_goes_with_a_product_is_shown_where_the_bundle_can_tell(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop's bundle lacks the scorer: what it answers is put in its place."""
    real, goes_with = strips.recommendations, world.items[5].id

    def answering(run: Runtime, asked: RecommendRequest) -> Answer:
        answer = real(run, asked)
        if asked.scope != "cross_category":
            return answer
        hits = [hit for hit in answer.hits if hit.id == goes_with] or list(answer.hits[:1])
        return replace(answer, degraded=[], hits=[hits[0]._replace(id=goes_with)])

    monkeypatch.setattr(strips, "recommendations", answering)
    page = client.get(f"/shop/items/{world.items[0].id}?user={USER}").text
    assert "Goes with it" in page
    assert f'data-item="{goes_with}"' in page.split('id="goeswith"')[1]
