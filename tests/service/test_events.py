from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.service.conftest import World


def click(world: World, **more: Any) -> dict[str, Any]:
    return {"item": world.items[0].id, "type": "click", "session": "events"} | more


def known(client: FlaskClient, session: str) -> int:
    found: int = client.get(f"/search?session={session}&size=0").get_json()["history"]
    return found


def test_one_event_is_known_to_the_next_search(client: FlaskClient, world: World) -> None:
    for n in range(1, 4):
        response = client.post("/events", json=click(world, session="next"))
        assert response.status_code == 202
        assert response.get_json() == {"accepted": 1, "new": 1, "ignored": 0, "refused": []}
        assert known(client, "next") == n


def test_an_id_counts_once(client: FlaskClient, world: World) -> None:
    row = click(world, session="once", id="once-1")
    assert client.post("/events", json=[row, row]).get_json()["new"] == 1
    again = client.post("/events", json=row).get_json()
    assert (again["accepted"], again["new"]) == (1, 0)
    assert known(client, "once") == 1


@pytest.mark.parametrize("mimetype", ["application/x-ndjson", "application/json"])
def test_a_broken_line_costs_no_neighbour(client: FlaskClient, world: World, mimetype: str) -> None:
    session = f"lines of {mimetype}"
    line = f'{{"item": "{world.items[0].id}", "type": "click", "session": "{session}"}}'
    body = f'{line}\n{{"item": \n\n{line}\n{{"item": "nope", "type": "click", "session": "s"}}\n'
    told = client.post("/events", data=body, content_type=mimetype).get_json()
    assert told["accepted"] == 2
    assert [row["index"] for row in told["refused"]] == [1, 3]
    assert "not valid JSON" in told["refused"][0]["reason"]
    assert "item: expected one of the index, found 'nope'" in told["refused"][1]["reason"]
    assert known(client, session) == 2


def test_other_kinds_of_the_schema_are_ignored(client: FlaskClient, world: World) -> None:
    told = client.post("/events", json=[{"event": "user"}, {"event": "item"}]).get_json()
    assert told == {"accepted": 0, "new": 0, "ignored": 2, "refused": []}


def test_what_was_shown_is_kept_once(client: FlaskClient, world: World) -> None:
    shown = [world.items[0].id, "of-another-shop"]
    ranking = {"event": "ranking", "id": "page", "items": shown, "session": "s"}
    for new in (1, 0):
        told = client.post("/events", json=ranking).get_json()
        assert told == {"accepted": 1, "new": new, "ignored": 0, "refused": []}


def test_the_clock_of_a_shop_may_be_a_little_ahead(client: FlaskClient, world: World) -> None:
    minute = 60_000
    near = client.post("/events", json=click(world, timestamp=world.now_ms + 4 * minute))
    assert near.status_code == 202
    far = client.post("/events", json=click(world, timestamp=world.now_ms + 6 * minute))
    assert far.status_code == 400
    assert "in the future" in far.get_json(force=True)["detail"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"item": "nope"}, "item: expected one of the index"),
        ({"item": ""}, "item"),
        ({"item": 3}, "item"),
        ({"item": None}, "item"),
        ({"type": ""}, "type"),
        ({"session": None}, "expected a user, a session or both"),
        ({"timestamp": "tomorrow"}, "timestamp"),
        ({"timestamp": -1}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"timestamp": "5000-12-31T23:59:59Z"}, "in the future"),
        ({"timestamp": 1714564810}, "found seconds"),
        ({"x" * 100_000: 1}, "(100002 characters)"),
        ({"timestamp": 1e300}, "timestamp"),
        ({"event": "interactoin"}, "did you mean 'interaction'"),
        ({"event": []}, "event"),
        ({"itm": "x"}, "did you mean 'item'"),
        ({"query": "x" * 2001}, "query"),
        ({"id": ""}, "id"),
    ],
)
def test_a_wrong_event_is_refused_with_its_reason(
    client: FlaskClient, world: World, change: dict[str, Any], reason: str
) -> None:
    response = client.post("/events", json=click(world) | change)
    told = response.get_json(force=True)
    assert response.status_code == 400, told
    assert response.content_type == "application/problem+json"
    assert told["refused"][0]["index"] == 0
    assert reason in told["refused"][0]["reason"]


@pytest.mark.parametrize("body", [b"[]", b"", b"{", b"[[[", b"[" * 5000, b"3", b'"x"', b"[null]"])
@pytest.mark.parametrize("mimetype", ["application/json", "application/x-ndjson"])
def test_a_body_without_events(client: FlaskClient, body: bytes, mimetype: str) -> None:
    response = client.post("/events", data=body, content_type=mimetype)
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"


def test_other_types_are_not_read(client: FlaskClient) -> None:
    for mimetype in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = client.post("/events", data=b"{}", content_type=mimetype)
        assert response.status_code == 415
        assert response.content_type == "application/problem+json"


def test_a_large_body_is_not_read(client: FlaskClient, world: World) -> None:
    body = b" " * (world.config.service.max_body_bytes + 1)
    for path in ("/events", "/search"):
        response = client.post(path, data=body, content_type="application/json")
        assert response.status_code == 413
        assert "at most 1000000 bytes" in response.get_json(force=True)["detail"]
