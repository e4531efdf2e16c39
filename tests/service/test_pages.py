from __future__ import annotations

import zlib
from threading import Event
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous.encoding import base64_decode

from search_rerank.config import PagesConfig
from search_rerank.data.events import first_place
from search_rerank.engines.embedded import EmbeddedEngine
from search_rerank.last_good import LastGood
from service.app import create_app
from service.cursor_key import SECRET
from service.load import HEADER
from tests.service.conftest import World


def ask(client: FlaskClient, body: dict[str, Any], path: str = "/search") -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def ids(body: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in body["hits"]]


def walk(client: FlaskClient, body: dict[str, Any], path: str = "/search") -> list[list[str]]:
    """Return the ids of every page."""
    page = ask(client, body, path)
    found = [ids(page)]
    while page["cursor"] is not None:
        page = ask(client, {"cursor": page["cursor"]}, path)
        found.append(ids(page))
    return found


@pytest.mark.parametrize(
    "body",
    [
        {"user": "u00001"},
        {"query": "shoes", "user": "u00001"},
        {"query": "shoes", "sort": ["-price"]},
        {"filters": {"terms": {"in_stock": True}}, "collapse": True},
    ],
)
def test_pages_are_the_one_list(client: FlaskClient, body: dict[str, Any]) -> None:
    whole = ids(ask(client, body | {"size": 100}))
    pages = walk(client, body | {"size": 7})
    joined = [id_ for page in pages for id_ in page]
    assert joined[:100] == whole
    assert len(set(joined)) == len(joined)
    assert {len(page) for page in pages[:-1]} == {7}


def test_recommendations_have_pages(client: FlaskClient) -> None:
    body = {"user": "u00001", "size": 9}
    joined = [id_ for page in walk(client, body, "/recommend") for id_ in page]
    first = ask(client, body | {"size": 100}, "/recommend")
    assert joined[:100] == ids(first)
    assert len(joined) == first["total"]


SHOES = {"query": "shoes", "user": "u00001", "session": "s1", "size": 4}


def refused(client: FlaskClient, body: dict[str, Any], path: str = "/search") -> tuple[int, str]:
    response = client.post(path, json=body)
    return response.status_code, response.get_json(force=True).get("detail", "")


def test_a_later_page_is_told_like_the_first(client: FlaskClient) -> None:
    first = ask(client, SHOES | {"facets": ["brand"]})
    second = ask(client, {"cursor": first["cursor"]})
    assert second.keys() == first.keys()
    same = ("total", "total_exact", "bundle", "basis", "history", "searched", "relaxed")
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert (second["facets"], second["statistics"], second["degraded"]) == ({}, {}, [])
    assert second["id"] == f"{first['id']}.4"
    assert first_place(second["id"]) == second["hits"][0]["rank"] == 4
    assert list(second["timings_ms"]) == ["page"]
    for rank, hit in enumerate(second["hits"], 4):
        assert hit.keys() == first["hits"][0].keys()
        assert (hit["rank"], hit["moved"]) == (rank, hit["engine_rank"] - rank)
        assert hit["item"]["title"]
        assert hit["score"] is hit["lexical"] is hit["vector"] is None
    ranks = [hit["engine_rank"] for hit in ask(client, SHOES | {"size": 8})["hits"]]
    assert [hit["engine_rank"] for hit in second["hits"]] == ranks[4:]


def test_a_page_may_have_another_size_and_a_list_may_begin_further_down(
    client: FlaskClient,
) -> None:
    whole = ids(ask(client, SHOES | {"size": 20}))
    first = ask(client, SHOES | {"from": 3})
    second = ask(client, {"cursor": first["cursor"], "size": 6})
    third = client.get("/search", query_string={"cursor": second["cursor"]}).get_json()
    assert [first_place(page["id"]) for page in (first, second, third)] == [3, 7, 13]
    assert ids(first) + ids(second) + ids(third) == whole[3:19]
    assert third["hits"][0]["rank"] == 13


def test_highlights_go_on(client: FlaskClient, world: World) -> None:
    word = world.items[0].title.split()[-2]
    first = ask(client, {"query": word, "size": 1, "highlight": True})
    second = ask(client, {"cursor": first["cursor"]})
    assert "title" in second["hits"][0]["highlights"]


def test_a_page_of_none_goes_on_where_it_was(client: FlaskClient) -> None:
    first = ask(client, SHOES)
    none = ask(client, {"cursor": first["cursor"], "size": 0})
    assert none["hits"] == []
    expected = ids(ask(client, {"cursor": first["cursor"]}))
    assert ids(ask(client, {"cursor": none["cursor"]})) == expected


@pytest.mark.parametrize("more", [{"size": 0}, {"from": 10_000}, {"query": "shoes", "size": 100}])
def test_an_answer_that_ends_has_no_cursor(client: FlaskClient, more: dict[str, Any]) -> None:
    body = {"sort": "price"} | more
    assert ask(client, body)["cursor"] is None


def test_what_the_cursor_says_may_be_repeated(client: FlaskClient) -> None:
    body = SHOES | {"filters": {"terms": {"in_stock": "true"}}, "facets": ["brand"]}
    body["explain"] = True
    first = ask(client, body)
    again = ask(client, body | {"cursor": first["cursor"]})
    assert "features" in first["hits"][0] and "features" not in again["hits"][0]
    assert ids(again) == ids(ask(client, {"cursor": first["cursor"]}))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"query": "boots"}, "query: expected as in the request that gave the cursor"),
        ({"user": "u00002"}, "user: expected as in the request"),
        ({"session": "s2"}, "session: expected as in the request"),
        ({"filters": {"terms": {"brand": "x"}}}, "filters: expected as"),
        ({"sort": "price", "collapse": True}, "collapse, sort: expected as"),
        ({"personalise": False}, "personalise: expected as"),
        ({"from": 4}, "from: expected none beside a cursor"),
        ({"size": 101}, "size"),
        ({"quer": "shoes"}, "did you mean 'query'"),
    ],
)
def test_what_is_another_request_is_refused(
    client: FlaskClient, more: dict[str, Any], reason: str
) -> None:
    cursor = ask(client, SHOES)["cursor"]
    status, detail = refused(client, {"cursor": cursor} | more)
    assert status == 400
    assert reason in detail


@pytest.mark.parametrize("change", ["", "x", "a.b", "\x00", "é", "x" * 70_000])
def test_no_cursor_is_refused(client: FlaskClient, change: str) -> None:
    status, detail = refused(client, {"cursor": change})
    assert status == 400
    assert detail.startswith("cursor: ")


def test_a_cursor_that_was_changed_is_refused(client: FlaskClient) -> None:
    cursor = ask(client, SHOES)["cursor"]
    body, _, signature = cursor.rpartition(".")
    for other in (
        f"{body[:-1]}{'A' if body[-1] != 'A' else 'B'}.{signature}",
        f"{body}.{signature[:-5]}AAAAA",
        body,
        cursor + "A",
        cursor[1:],
    ):
        status, detail = refused(client, {"cursor": other})
        assert (status, "search again" in detail) == (400, True)


def test_a_cursor_is_of_one_endpoint(client: FlaskClient) -> None:
    cursor = ask(client, {"user": "u00001"}, "/recommend")["cursor"]
    status, detail = refused(client, {"cursor": cursor})
    assert status == 400
    assert "expected one of /search, found one of /recommend" in detail


def test_a_cursor_expires_and_the_next_page_has_a_new_one(world: World) -> None:
    moment = [world.now_ms]
    app = create_app(world.config, clock=lambda: moment[0])
    client = app.test_client()
    hour_ms = 3_600_000
    first = ask(client, SHOES)
    moment[0] += hour_ms
    second = ask(client, {"cursor": first["cursor"]})
    moment[0] += 1
    assert refused(client, {"cursor": first["cursor"]}) == (
        410,
        "cursor: expected one of the last 60 minutes, found an older; search again without it",
    )
    assert ids(ask(client, {"cursor": second["cursor"]}))
    moment[0] -= 10 * hour_ms  # a clock that is set back
    assert ids(ask(client, {"cursor": second["cursor"]}))
    app.extensions["search_rerank"].close()


def test_any_worker_reads_a_cursor_and_another_secret_does_not(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(client, SHOES)
    expected = ids(ask(client, {"cursor": first["cursor"]}))
    other = create_app(world.config, clock=lambda: world.now_ms)
    assert ids(ask(other.test_client(), {"cursor": first["cursor"]})) == expected
    other.extensions["search_rerank"].close()
    monkeypatch.setenv(SECRET, "x" * 40)
    elsewhere = create_app(world.config, clock=lambda: world.now_ms)
    status, _ = refused(elsewhere.test_client(), {"cursor": first["cursor"]})
    assert status == 400
    elsewhere.extensions["search_rerank"].close()


def test_a_secret_too_short_costs_the_next_page_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "short")
    app = create_app(world.config, clock=lambda: world.now_ms)
    found = ask(app.test_client(), SHOES)
    assert found["cursor"] is None
    assert [part["stage"] for part in found["degraded"]] == ["pages"]
    assert len(found["hits"]) == 4
    assert refused(app.test_client(), {"cursor": "x"})[0] == 503
    app.extensions["search_rerank"].close()


def with_pages(world: World, **settings: Any) -> Flask:
    pages = PagesConfig(**settings)
    config = world.config.model_copy(update={"pages": pages})
    return create_app(config, clock=lambda: world.now_ms)


def test_pages_end_at_the_depth(world: World) -> None:
    app = with_pages(world, depth=10)
    assert [len(page) for page in walk(app.test_client(), SHOES)] == [4, 4, 2]
    app.extensions["search_rerank"].close()


def test_of_a_window_that_does_not_fit_the_first_places_are_frozen(world: World) -> None:
    body = {"query": "men", "user": "u00001", "size": 10}
    app = with_pages(world, cursor_bytes=1_000)
    client = app.test_client()
    whole = ids(ask(client, body | {"size": 100}))
    first = ask(client, body)
    assert len(first["cursor"]) <= 1_000
    pages = walk(client, body)
    joined = [id_ for page in pages for id_ in page]
    assert joined[:40] == whole[:40]
    assert len(set(joined)) == len(joined)
    app.extensions["search_rerank"].close()


def test_a_request_too_long_for_a_cursor_is_answered_without_one(world: World) -> None:
    app = with_pages(world, cursor_bytes=1_000)
    unlike = {"terms": {"brand": [f"{n * 7919**9:x}" for n in range(100)]}}
    found = ask(app.test_client(), {"size": 4, "filters": {"none_of": [unlike]}})
    assert (len(found["hits"]), found["cursor"]) == (4, None)
    assert [part["stage"] for part in found["degraded"]] == ["pages"]
    app.extensions["search_rerank"].close()


def test_a_late_engine_costs_the_window_nothing(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(client, SHOES)
    expected = ids(ask(client, {"cursor": first["cursor"]}))
    run, asked = client.application.extensions["search_rerank"], Event()

    def hang(*_: object) -> None:
        asked.wait(30)

    with run.pipeline() as pipeline:
        monkeypatch.setattr(pipeline, "last_good", LastGood(1.0, 60.0))
    ask(client, {"cursor": first["cursor"]})  # the items are known from now on
    monkeypatch.setattr(EmbeddedEngine, "items", hang)
    response = client.post("/search", json={"cursor": first["cursor"]}, headers={HEADER: "200"})
    asked.set()
    page = response.get_json()
    assert ids(page) == expected
    assert all(hit["item"] for hit in page["hits"])
    assert page["degraded"] == [{"stage": "items", "reason": "stale"}]
    assert page["stale"] is True


def test_a_cursor_names_nobody(client: FlaskClient) -> None:
    cursor = ask(client, SHOES | {"user": "somebody-unlikely", "session": "visit-unlikely"})
    packed = cursor["cursor"].lstrip(".").split(".")[0]
    plain = zlib.decompress(base64_decode(packed))
    assert b"shoes" in plain
    assert b"unlikely" not in plain
