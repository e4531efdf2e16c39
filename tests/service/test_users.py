"""What is stored of a user: told whole, removed whole, and not stored at all where they say so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from search_rerank.config import Config
from search_rerank.errors import StateError
from search_rerank.state.memory import MemoryState
from search_rerank.state.redis.state import RedisState
from search_rerank.state.sqlite import SqliteState
from service import runtime
from service.app import create_app
from tests.service.conftest import World
from tests.state.redis_server import RedisServer

ANN = "an/n é"
AT = "an%2Fn%20%C3%A9"


@pytest.fixture
def config(world: World, tmp_path: Path) -> Config:
    """A home of its own, without anything that happened, where every request is logged."""
    for part in ("index", "bundles", "encoders"):
        if (world.config.home / part).exists():
            shutil.copytree(world.config.home / part, tmp_path / part)
    service = world.config.service.model_copy(update={"feature_log_share": 1.0})
    return world.config.model_copy(update={"home": tmp_path, "service": service})


@pytest.fixture(params=["memory", "sqlite", pytest.param("redis", marks=pytest.mark.slow)])
def client(
    request: pytest.FixtureRequest,
    config: Config,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FlaskClient]:
    server = None
    if request.param == "memory":
        kept = MemoryState(config.training.gains)
        monkeypatch.setattr(runtime, "open_state", lambda _: kept)
    elif request.param == "redis":
        (tmp_path / "redis").mkdir()
        server = RedisServer(tmp_path / "redis")
        state = config.state.model_copy(update={"kind": "redis", "url": server.url})
        config = config.model_copy(update={"state": state})
    app = create_app(config, clock=lambda: world.now_ms)
    yield app.test_client()
    app.extensions["search_rerank"].close()
    if server is not None:
        server.kill()


def rows(client: FlaskClient, at: str = AT) -> list[dict[str, Any]]:
    response = client.get(f"/users/{at}/export")
    assert response.status_code == 200
    assert response.content_type == "application/x-ndjson"
    return [orjson.loads(line) for line in response.data.splitlines()]


def live(client: FlaskClient, world: World, user: str = ANN) -> list[dict[str, Any]]:
    """Do this and that: a visit under no user that is claimed, a search, a page, a purchase."""
    n, moment = len(user), world.now_ms
    session = {"session": f"visit-{n}"}
    own = {"user": user, **session}
    item = world.items[n].id
    told = [
        {"id": f"1{n}", "item": item, "type": "click", "timestamp": moment - 4, **session},
        {"event": "ranking", "id": f"2{n}", "items": [item], "timestamp": moment - 3, **own},
        {"id": f"3{n}", "item": item, "type": "purchase", "timestamp": moment - 2, **own},
    ]
    client.get("/search", query_string={"query": "shoe", **session})
    assert client.post("/events", json=told).get_json()["new"] == 3
    client.get("/search", query_string={"query": "boots", "user": user})
    return told


def words_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.glob("feature_log/*"))


def test_everything_is_told(client: FlaskClient, world: World) -> None:
    told = live(client, world)
    live(client, world, "bob")
    first, *found = rows(client)
    assert first == {"event": "user", "id": ANN, "opted_out": False}
    events = [row for row in found if row["event"] != "request"]
    assert events == [{"event": "interaction"} | row for row in told]
    asked = [row for row in found if row["event"] == "request"]
    assert [(row["query"], row["user"], row["session"]) for row in asked] == [
        ("shoe", None, told[0]["session"]),
        ("boots", ANN, None),
    ]


def test_of_a_stranger_nothing_is_known(client: FlaskClient) -> None:
    assert rows(client, "nobody") == [{"event": "user", "id": "nobody", "opted_out": False}]
    receipt = client.delete("/users/nobody").get_json()
    assert (receipt["interactions"], receipt["rankings"], receipt["logged_requests"]) == (0, 0, 0)
    assert receipt["complete"] is True


def test_a_forgotten_user_is_gone_and_others_are_not(
    client: FlaskClient, config: Config, world: World
) -> None:
    told = live(client, world)
    live(client, world, "bob")
    before = rows(client, "bob")
    receipt = client.delete(f"/users/{AT}").get_json()
    assert receipt["user"] == ANN
    assert (receipt["interactions"], receipt["rankings"]) == (2, 1)
    assert receipt["logged_requests"] == 2
    assert receipt["feature_log_segments_rewritten"] == 1
    assert rows(client)[1:] == []
    assert rows(client, "bob") == before
    assert ANN.encode() not in words_of(config.home)
    assert str(told[0]["session"]).encode() not in words_of(config.home)
    answer = client.get("/search", query_string={"user": ANN, "session": told[0]["session"]})
    assert answer.get_json()["history"] == 0
    assert client.post("/events", json=told).get_json()["new"] == 0  # no copy brings them back


def test_no_file_of_the_home_names_a_forgotten_user(
    client: FlaskClient, config: Config, world: World
) -> None:
    told = live(client, world)
    assert client.delete(f"/users/{AT}").get_json()["complete"] is True
    for path in config.home.rglob("*"):
        if path.is_file() and "redis" not in path.parts:  # a server has files of its own
            data = path.read_bytes()
            for name in (ANN, str(told[0]["session"])):
                assert name.encode() not in data, f"{path} names {name}"


def test_counters_lose_what_the_user_did(client: FlaskClient, world: World) -> None:
    item = world.items[len(ANN)].id

    def demand() -> list[float | None]:
        ask = {"query": world.items[len(ANN)].title, "explain": True, "size": 100}
        hits = client.post("/search", json=ask).get_json()["hits"]
        (hit,) = [hit for hit in hits if hit["id"] == item]
        return [value for name, value in hit["features"].items() if name.startswith("item.demand")]

    before = demand()
    live(client, world)
    during = demand()
    client.delete(f"/users/{AT}")
    assert during != before
    assert demand() == pytest.approx(before, nan_ok=True)


def test_who_opted_out_is_neither_read_nor_stored(
    client: FlaskClient, config: Config, world: World
) -> None:
    live(client, world)
    assert client.put(f"/users/{AT}/opt-out").get_json() == {"user": ANN, "opted_out": True}
    assert client.get(f"/users/{AT}/opt-out").get_json()["opted_out"] is True
    before = rows(client), words_of(config.home)
    row = {"item": world.items[1].id, "type": "click", "user": ANN}
    assert client.post("/events", json=row).get_json()["new"] == 0
    asked = {"query": "shoe", "user": ANN}
    everyone = client.get("/search?query=shoe").get_json()
    for path in ("/search", "/recommend"):
        words = {} if path == "/recommend" else {"query": "shoe"}
        known = client.get(path, query_string={**words, "user": ANN}).get_json()
        assert known["history"] == 0
    own = client.get("/search", query_string=asked).get_json()
    assert [hit["id"] for hit in own["hits"]] == [hit["id"] for hit in everyone["hits"]]
    given = {"items": [item.id for item in world.items[:5]], "user": ANN}
    assert client.post("/rerank", json=given).get_json()["history"] == 0
    after = words_of(config.home)
    assert (rows(client), after.count(ANN.encode())) == (before[0], before[1].count(ANN.encode()))
    assert client.delete(f"/users/{AT}/opt-out").get_json() == {"user": ANN, "opted_out": False}
    assert client.post("/events", json=row).get_json()["new"] == 1
    assert client.get("/search", query_string=asked).get_json()["history"] == 3


def test_a_request_that_is_not_to_be_personalised_is_not_kept(
    client: FlaskClient, config: Config
) -> None:
    asked = {"query": "zanzibar", "user": ANN, "session": "s"}
    client.get("/search", query_string={**asked, "personalise": "false"})
    assert words_of(config.home) == b""
    client.get("/search", query_string=asked)
    assert b"zanzibar" in words_of(config.home)


def test_a_state_that_cannot_tell_who_opted_out_personalises_for_nobody(
    client: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(client, world)

    def away(*_: object) -> bool:
        raise StateError("away")

    for kind in (MemoryState, SqliteState, RedisState):
        monkeypatch.setattr(kind, "opted_out", away)
    answer = client.get("/search", query_string={"query": "shoe", "user": ANN}).get_json()
    assert answer["history"] == 0 and answer["hits"]
    assert client.get(f"/users/{AT}/export").status_code == 503


def test_a_name_is_bounded(client: FlaskClient) -> None:
    for method, path in [("GET", "export"), ("PUT", "opt-out"), ("GET", "opt-out")]:
        response = client.open(f"/users/{'x' * 513}/{path}", method=method)
        assert response.status_code == 400
    assert client.delete(f"/users/{'x' * 513}").status_code == 400
