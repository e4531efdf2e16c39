"""Without personalisation nothing of a shopper is read, and nothing of them is stored."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from itsdangerous.encoding import base64_decode

from search_rerank.config import Config
from search_rerank.errors import StateError
from search_rerank.state.opening import open_state
from service.app import create_app
from tests.service.conftest import World

ANN = {"user": "u00001", "session": "visit-1"}
NOBODY = {"personalise": False}
_OF_EACH = ("id", "took_ms", "timings_ms", "cursor")
"""What no two answers share."""


@pytest.fixture(scope="module")
def config(world: World, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A copy of the shop where every personalised request is logged."""
    home = tmp_path_factory.mktemp("private") / "home"
    shutil.copytree(world.config.home, home)
    service = world.config.service.model_copy(update={"feature_log_share": 1.0})
    return world.config.model_copy(update={"home": home, "service": service})


@pytest.fixture(scope="module")
def client(config: Config, world: World) -> Iterator[FlaskClient]:
    app = create_app(config, clock=lambda: world.now_ms)
    client = app.test_client()
    client.post("/search", json={"size": 1} | NOBODY)  # what is made once is made
    yield client
    app.extensions["search_rerank"].close()


@pytest.fixture
def opted_out(client: FlaskClient) -> Iterator[str]:
    client.put(f"/users/{ANN['user']}/opt-out")
    yield ANN["user"]
    client.delete(f"/users/{ANN['user']}/opt-out")


def requests(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return every request that a shopper may be named in."""
    items = [item.id for item in world.items[:20]]
    return [
        ("/search", {"query": "shoes", "size": 20}),
        ("/search", {"size": 20, "explain": True}),
        ("/recommend", {"scope": "personal"}),
        ("/recommend", {"scope": "trending"}),
        ("/recommend", {"scope": "recently_viewed"}),
        ("/recommend", {"scope": "similar", "item": items[0]}),
        ("/rerank", {"items": items, "query": "shoes"}),
    ]


def told(client: FlaskClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return {name: value for name, value in found.items() if name not in _OF_EACH}


def files(home: Path) -> dict[str, str]:
    """Return the contents of a folder; an index of shared memory and locks are none."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-lock"))
    }


def known(config: Config) -> tuple[int, int, list[Any], list[Any]]:
    """Return what the state holds."""
    with closing(open_state(config)) as state:
        user, session = ANN["user"], ANN["session"]
        own = [*state.export(user)], [*state.history(None, session, 99)]
        return len(state), state.mark(), *own


def test_answers_depend_on_nobody(client: FlaskClient, world: World) -> None:
    others = ({"user": "u00002"}, {"session": "visit-2"}, {"user": "u00003", "session": "x"})
    for path, body in requests(world):
        plain = told(client, path, body | NOBODY)
        assert plain["history"] == 0
        assert plain["basis"] in ("segment", "popularity", None)
        for who in (ANN, *others):
            assert told(client, path, body | NOBODY | who) == plain


def test_a_shopper_does_make_a_difference(client: FlaskClient, world: World) -> None:
    for path, body in requests(world):
        if body.get("scope") not in ("trending", "similar"):
            assert told(client, path, body | ANN) != told(client, path, body | NOBODY)


def test_who_opted_out_is_nobody(client: FlaskClient, world: World, opted_out: str) -> None:
    for path, body in requests(world):
        assert told(client, path, body | ANN) == told(client, path, body | NOBODY)
    page = client.get("/", query_string=ANN | {"q": "shoes"}).text
    assert "this shopper opted out" in page
    assert "ordered by" not in page
    assert f"{opted_out} — likes" not in page


def test_nothing_is_written(
    client: FlaskClient, config: Config, world: World, opted_out: str
) -> None:
    before, state = files(config.home), known(config)
    for path, body in requests(world):
        for who in (NOBODY | ANN, ANN):
            told(client, path, body | who)
    for who in (NOBODY | ANN, ANN):
        found = client.post("/search", json={"query": "shoes"} | who).get_json()
        client.post("/search", json={"cursor": found["cursor"]} | who)
        client.get("/suggest", query_string={"q": "sh"} | who)
        client.get("/", query_string={"q": "shoes"} | who)
    item = world.items[0].id
    rows = [
        {"item": item, "type": "click"} | ANN,
        {"event": "ranking", "items": [item], "id": "r1"} | ANN,
        {"item": item, "type": "click", "session": "visit-1", "personalise": False},
    ]
    counts = client.post("/events", json=rows).get_json()
    assert counts == {"accepted": 0, "new": 0, "ignored": 3, "refused": []}
    assert known(config) == state
    assert files(config.home) == before


def test_the_other_requests_are_written(client: FlaskClient, config: Config) -> None:
    before = files(config.home)
    told(client, "/search", {"query": "shoes"} | ANN)
    assert files(config.home) != before


def test_rows_say_whether_they_may_be_stored(client: FlaskClient, world: World) -> None:
    row = {"item": world.items[0].id, "type": "click", "session": "rows"}
    rows = [row | {"personalise": True}, row | {"personalise": False}, row | {"personalise": 0}]
    counts = client.post("/events", json=rows).get_json()
    (wrong,) = counts.pop("refused")
    assert counts == {"accepted": 1, "new": 1, "ignored": 1}
    assert wrong["index"] == 2
    assert wrong["reason"] == "personalise: expected true or false, found 0"


def test_a_row_that_was_there_is_accepted(client: FlaskClient, world: World) -> None:
    row = {"id": "twice", "item": world.items[0].id, "type": "click", "user": "someone"}
    client.post("/events", json=row)
    counts = client.post("/events", json=row).get_json()
    assert counts == {"accepted": 1, "new": 0, "ignored": 0, "refused": []}


def test_a_cursor_of_nobody_is_anybody_s(client: FlaskClient, opted_out: str) -> None:
    for who in (NOBODY | ANN, ANN):
        cursor = client.post("/search", json={"query": "shoes"} | who).get_json()["cursor"]
        packed = zlib.decompress(base64_decode(cursor.lstrip(".").split(".")[0]))
        held = orjson.loads(packed.partition(b"\n")[0])
        assert held["who"] == [None, None]
        for more in (who, ANN | {"personalise": True}, {"user": "another"}):
            assert client.post("/search", json={"cursor": cursor} | more).status_code == 200


def test_without_a_state_everyone_is_nobody(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = told(client, "/search", {"query": "shoes"} | NOBODY)

    def away(user: str) -> bool:
        raise StateError("away")

    run = client.application.extensions["search_rerank"]
    monkeypatch.setattr(run.state, "opted_out", away, raising=False)
    missing = {"degraded": [{"stage": "consent", "reason": "StateError"}]}
    assert told(client, "/search", {"query": "shoes"} | ANN) == plain | missing
