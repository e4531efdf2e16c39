from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from search_rerank.engines.base import Suggestion
from search_rerank.engines.embedded import EmbeddedEngine
from search_rerank.errors import EngineUnavailable, StateError
from service.app import create_app
from service.suggest import merged
from tests.service.conftest import World


def suggested(client: FlaskClient, typed: str, size: int = 8, **who: Any) -> list[dict[str, str]]:
    asked = {"q": typed, "size": size, **who}
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


@pytest.fixture
def asked(client: FlaskClient, world: World) -> dict[str, str]:
    """Let a shopper ask this and that, and another one something like it."""
    who = {"user": f"asker-{uuid4().hex}", "session": uuid4().hex}
    other = {"user": f"other-{uuid4().hex}"}
    for query, row in [
        ("Zig shoes", who), ("zag", who), ("zig  hats", who), ("zig shoes", who), ("zig x", other),
    ]:  # fmt: skip
        row = {"item": world.items[0].id, "type": "click", "query": query} | row
        assert client.post("/events", json=row).get_json()["new"] == 1
    return who


def own(client: FlaskClient, typed: str, **who: Any) -> list[str]:
    found = suggested(client, typed, **who)
    n = sum(row["kind"] == "own" for row in found)
    assert all(row["kind"] == "own" for row in found[:n])
    return [row["text"] for row in found[:n]]


def test_own_queries_come_first_the_newest_before_the_others(
    client: FlaskClient, asked: dict[str, str]
) -> None:
    assert own(client, "ZI", **asked) == ["zig shoes", "zig hats"]
    assert own(client, "zig s", **asked) == ["zig shoes"]
    assert own(client, "zig ", **asked) == ["zig shoes", "zig hats"]
    assert own(client, "zi ", **asked) == []
    assert own(client, "zag", **asked) == []
    assert own(client, "zig", user=asked["user"]) == ["zig shoes", "zig hats"]
    assert own(client, "zig", session="nobody") == own(client, "zig") == []


def test_before_anything_is_typed_they_are_what_was_asked_last(
    client: FlaskClient, asked: dict[str, str]
) -> None:
    assert own(client, "", **asked) == ["zig shoes", "zig hats", "zag"]
    assert suggested(client, "", size=1, **asked) == [{"text": "zig shoes", "kind": "own"}]
    assert suggested(client, "") == []


def test_own_queries_leave_room_for_the_rest(client: FlaskClient, world: World) -> None:
    who = {"user": uuid4().hex}
    word = str(world.items[0].brand)[:3].casefold()
    rows = [
        {"item": world.items[0].id, "type": "click", "query": f"{word} {n}"} | who
        for n in range(12)
    ]
    client.post("/events", json=rows)
    kinds = [row["kind"] for row in suggested(client, word, **who)]
    assert kinds[:2] == ["own", "own"]
    assert "brand" in kinds and len(kinds) == 8


def test_own_queries_are_not_read_where_that_is_not_wanted(
    client: FlaskClient, asked: dict[str, str]
) -> None:
    assert own(client, "zig", **asked, personalise="false") == []
    client.put(f"/users/{asked['user']}/opt-out")
    assert own(client, "zig", **asked) == []
    client.delete(f"/users/{asked['user']}/opt-out")
    assert own(client, "zig", **asked) == ["zig shoes", "zig hats"]


def test_what_is_away_costs_its_own_suggestions_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(world.config, clock=lambda: world.now_ms)  # it rests for a while after this
    client = app.test_client()

    def away(*_: object) -> list[str]:
        raise StateError("away")

    def gone(*_: object) -> list[str]:
        raise EngineUnavailable("gone")

    run, brand = app.extensions["search_rerank"], str(world.items[0].brand)
    for name in ("own_queries", "past_queries"):
        monkeypatch.setattr(run.state, name, away, raising=False)
    found = client.get("/suggest", query_string={"q": brand[:3], "session": "s"}).get_json()
    assert brand in [row["text"] for row in found["suggestions"]]
    assert found["degraded"] == [{"stage": "state", "reason": "away"}]
    monkeypatch.setattr(EmbeddedEngine, "suggest", gone)
    found = client.get("/suggest", query_string={"q": brand[:3]}).get_json()
    assert found["suggestions"] == []
    assert [part["stage"] for part in found["degraded"]] == ["state", "engine"]
    run.close()


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
