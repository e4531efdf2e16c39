from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from search_rerank.engines.base import Suggestion
from service.suggest import merged
from tests.service.conftest import World


def suggested(client: FlaskClient, typed: str, size: int = 8) -> list[dict[str, str]]:
    asked = {"q": typed, "size": size}
    found: list[dict[str, str]] = client.get("/suggest", query_string=asked).get_json()[
        "suggestions"
    ]
    return found


def test_titles_brands_and_categories_complete_what_is_typed(
    client: FlaskClient, world: World
) -> None:
    item = next(item for item in world.items if item.brand and item.category)
    assert {"text": item.brand, "kind": "brand"} in suggested(client, str(item.brand)[:-1], 20)
    found = suggested(client, " ".join(item.title.split()[:2])[:-1], 20)
    assert {"text": item.title, "kind": "title", "item": item.id} in found
    kinds = {row["kind"] for row in suggested(client, item.category[-1][:3], 20)}
    assert "category" in kinds


def test_a_query_is_suggested_once_two_shoppers_asked_it(client: FlaskClient, world: World) -> None:
    row = {"item": world.items[0].id, "type": "click", "query": "Quaint  thing"}
    assert client.post("/events", json=row | {"session": "q1"}).status_code == 202
    assert suggested(client, "quai") == []
    assert client.post("/events", json=row | {"session": "q1"}).status_code == 202
    assert suggested(client, "quai") == []
    assert client.post("/events", json=row | {"session": "q2"}).status_code == 202
    assert suggested(client, "QUAI") == [{"text": "quaint thing", "kind": "query"}]
    assert suggested(client, "quaint thing") == []


@pytest.mark.parametrize("typed", ["", " ", "\x00", "x" * 10_000, "👗", "'\"", "%", "a AND ("])
def test_anything_may_be_typed(client: FlaskClient, typed: str) -> None:
    assert client.get("/suggest", query_string={"q": typed}).status_code == 200


@pytest.mark.parametrize("more", ["size=0", "size=21", "size=x", "siz=3"])
def test_what_else_is_asked_is_refused(client: FlaskClient, more: str) -> None:
    response = client.get(f"/suggest?q=a&{more}")
    assert response.status_code == 400
    assert "siz" in response.get_json(force=True)["detail"]


def test_kinds_take_turns_and_a_text_comes_once() -> None:
    titles = [Suggestion(f"title {n}", "title", str(n)) for n in range(9)]
    queries = [Suggestion(f"query {n}", "query") for n in range(9)]
    same = [Suggestion("Query 0", "brand"), Suggestion("Other", "brand")]
    found = merged([*titles, *same, *queries], 5)
    assert [one.text for one in found] == ["query 0", "query 1", "Other", "title 0", "title 1"]
    assert merged(titles, 3) == titles[:3]
