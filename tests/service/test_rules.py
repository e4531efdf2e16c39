"""`/rules`: stored under an ETag, taken up by every worker, tried before, reported when wrong."""

from __future__ import annotations

import errno
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from search_rerank.config import RulesConfig
from service.app import create_app
from tests.service.conftest import World
from tests.service.test_serve import ask, settings, start

QUERY = {"query": "shoes", "size": 20}


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Iterator[FlaskClient]:
    """Return a worker that keeps its rules apart from those of other tests."""
    app = create_app(world.config, clock=lambda: world.now_ms)
    path = world.config.home / "rules.json"
    path.unlink(missing_ok=True)
    yield app.test_client()
    path.unlink(missing_ok=True)
    app.extensions["search_rerank"].close()


def put(client: FlaskClient, rules: Any, etag: str | None = "*", at: str = "/rules") -> Any:
    headers = {} if etag is None else {"If-Match": etag}
    return client.put(at, json=rules, headers=headers)


def ids(client: FlaskClient, **asked: Any) -> list[str]:
    body = client.post("/search", json=QUERY | asked).get_json()
    return [hit["id"] for hit in body["hits"]]


def pin(id_: str, places: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "pin", "places": places} | more


def hide(id_: str, *items: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "hide", "where": {"terms": {"id": list(items)}}} | more


def test_what_is_put_is_returned_under_an_etag(shop: FlaskClient) -> None:
    assert shop.get("/rules").get_json() == {"rules": []}
    first = ids(shop)
    rules = [pin("front", {first[5]: 1}, note="spring", when={"query": {"exact": ["shoes"]}})]
    saved = put(shop, {"rules": rules})
    assert saved.status_code == 200
    assert saved.get_json() == {"rules": 1, "conflicts": []}
    read = shop.get("/rules")
    assert read.get_json()["rules"] == [rules[0] | {"when": {"query": {"exact": ["shoes"]}}}]
    assert read.headers["ETag"] == saved.headers["ETag"]
    assert ids(shop)[:3] == [first[5], first[0], first[1]]
    assert ids(shop, query="shoe ")[:1] != [first[5]]


def test_a_lost_update_is_refused(shop: FlaskClient) -> None:
    etag = shop.get("/rules").headers["ETag"]
    assert put(shop, [hide("a", "x")], etag).status_code == 200
    late = put(shop, [hide("b", "y")], etag)
    assert late.status_code == 412 and "GET /rules" in late.get_json()["detail"]
    none = put(shop, [hide("b", "y")], None)
    assert none.status_code == 428 and "If-Match" in none.get_json()["detail"]
    assert [rule["id"] for rule in shop.get("/rules").get_json()["rules"]] == ["a"]


def test_one_rule_at_a_time(shop: FlaskClient) -> None:
    assert put(shop, hide("any", "x") | {"id": "a"}, at="/rules/a").status_code == 200
    assert put(shop, {"kind": "hide", "where": {"terms": {"id": "z"}}}, at="/rules/b").status_code
    assert put(shop, hide("a", "y"), at="/rules/a").get_json()["rules"] == 2
    found = shop.get("/rules/a").get_json()
    assert found == {"id": "a", "kind": "hide", "where": {"terms": {"id": ["y"]}}}
    assert shop.get("/rules/c").status_code == 404
    assert shop.delete("/rules/c", headers={"If-Match": "*"}).status_code == 404
    assert shop.delete("/rules/a", headers={"If-Match": "*"}).get_json()["rules"] == 1
    other = put(shop, hide("b", "x"), at="/rules/a")
    assert other.status_code == 422 and "expected 'a', found 'b'" in other.get_json()["detail"]


@pytest.mark.parametrize(
    ("rules", "detail"),
    [
        ([{"id": "a", "kind": "pni"}], "did you mean 'pin'"),
        ([pin("a", {"p": 1}, prioritty=3)], "did you mean 'priority'"),
        ([pin("a", {"p": 0})], "greater than or equal to 1"),
        ([pin("a", {"p": 1}, when={"users": ["u1"]})], "unknown key 'when.users'"),
        ([pin("a", {"p": 1}), pin("a", {"q": 2})], "found 'a' again"),
        ([pin("a", {"p": 1}), pin("b", {"q": 1})], "'a' and 'b': both pin 'p' and 'q' to place 1"),
        ("pin", "expected an object"),
        ([3], "rules.0"),
    ],
)
def test_what_cannot_be_used_is_not_stored(shop: FlaskClient, rules: Any, detail: str) -> None:
    refused = put(shop, rules)
    assert refused.status_code == 422
    assert detail in refused.get_json()["detail"]
    assert shop.get("/rules").get_json() == {"rules": []}


def test_a_warning_is_told_with_what_was_saved(shop: FlaskClient) -> None:
    item = ids(shop)[3]
    cap = {"id": "c", "kind": "cap", "by": "attributes.color", "most": 1}
    saved = put(shop, [pin("a", {item: 1, "not there": 2}), hide("b", item), cap])
    assert saved.status_code == 200
    told = {one["kind"]: one for one in saved.get_json()["conflicts"]}
    assert [told[of]["rules"] for of in sorted(told)] == [["c"], ["a"], ["a", "b"]]
    assert told["attribute"]["message"].endswith("did you mean 'attributes.colour'?")
    assert item not in ids(shop)


def test_a_hit_tells_its_rules_and_its_place_before(shop: FlaskClient) -> None:
    before = ids(shop)
    put(shop, [pin("front", {before[4]: 1}), hide("gone", before[1])])
    body = shop.post("/search", json=QUERY).get_json()
    told = [(hit["id"], hit["rules"], hit["rank_before_rules"]) for hit in body["hits"][:3]]
    # What is hidden is not retrieved at all, so that it had no place.
    assert told[0] == (before[4], ["front"], 3)
    assert told[1:] == [(before[0], [], 0), (before[2], [], 1)]
    assert [use["id"] for use in body["rules"]] == ["gone", "front"]
    assert (
        body["total"]
        == shop.post(
            "/search", json=QUERY | {"filters": {"none_of": [{"terms": {"id": before[1]}}]}}
        ).get_json()["total"]
    )


def test_what_is_near_in_meaning_alone_was_not_counted(shop: FlaskClient) -> None:
    body = shop.post("/search", json=QUERY | {"size": 100}).get_json()
    words, meaning = body["hits"][0], body["hits"][-1]
    assert words["lexical"] > 0 == meaning["lexical"] and body["total"] < 100
    for hit, gone in ((words, 1), (meaning, 0)):
        put(shop, [hide("new", hit["id"], when={"segments": ["new_visitor"]})])
        left = shop.post("/search", json=QUERY | {"size": 100}).get_json()
        assert hit["id"] not in [one["id"] for one in left["hits"]]
        assert left["total"] == body["total"] - gone


def test_a_dry_run_stores_nothing(shop: FlaskClient) -> None:
    before = ids(shop)
    rules = [pin("front", {before[4]: 1}), hide("gone", before[1])]
    tried = shop.post("/rules/dry-run", json={"rules": rules, "search": QUERY}).get_json()
    assert tried["before"] == before
    assert tried["after"][:3] == [before[4], before[0], before[2]]
    moved = {row["id"]: row for row in tried["moved"]}
    assert moved[before[4]] == {"id": before[4], "before": 4, "after": 0, "rules": ["front"]}
    assert moved[before[1]]["after"] is None
    assert moved[before[0]] == {"id": before[0], "before": 0, "after": 1, "rules": []}
    assert tried["total_after"] == tried["total_before"] - 1
    assert shop.get("/rules").get_json() == {"rules": []} and ids(shop) == before
    put(shop, rules)
    stored = shop.post("/rules/dry-run", json={"search": QUERY}).get_json()
    assert stored["after"] == tried["after"] and stored["before"] == before


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([], "expected an object"),
        ({"rules": []}, "'search'"),
        ({"search": {}, "rule": []}, "did you mean 'rules'"),
        ({"search": {"qery": "x"}}, "did you mean 'query'"),
        ({"search": {"filters": {"terms": {"attributes.weight": "1"}}}}, "attributes.weight"),
    ],
)
def test_a_dry_run_that_is_none(shop: FlaskClient, body: Any, detail: str) -> None:
    refused = shop.post("/rules/dry-run", json=body)
    assert refused.status_code == 400 and detail in refused.get_json()["detail"]


def test_another_worker_takes_them_up(shop: FlaskClient, world: World) -> None:
    app = create_app(world.config, clock=lambda: world.now_ms)
    other = app.test_client()
    before = ids(other)
    put(shop, [hide("gone", before[0])])
    with app.extensions["search_rerank"].pipeline() as pipeline:
        pipeline.reload_if_changed()  # what the worker does each second
    assert ids(other) == ids(shop) and before[0] not in ids(other)
    app.extensions["search_rerank"].close()


def test_a_damaged_file_costs_no_rule(shop: FlaskClient, world: World) -> None:
    before = ids(shop)
    put(shop, [hide("gone", before[0])])
    path = world.config.home / "rules.json"
    path.write_text("{")
    with shop.application.extensions["search_rerank"].pipeline() as pipeline:
        pipeline.reload_if_changed()
    body = shop.post("/search", json=QUERY).get_json()
    assert before[0] not in [hit["id"] for hit in body["hits"]]
    assert [part["stage"] for part in body["degraded"]] == ["rules"]
    ready = shop.get("/readyz").get_json()
    assert [part["stage"] for part in ready["degraded"]] == ["rules"]
    assert shop.get("/rules").status_code == 503
    assert put(shop, [], '"an older tag"').status_code == 412
    any_tag = {"If-Match": "*"}
    one = {"kind": "hide", "where": {"terms": {"id": "x"}}}
    for refused in (
        shop.put("/rules/other", json=one, headers=any_tag),
        shop.delete("/rules/gone", headers=any_tag),
    ):
        assert refused.status_code == 503
        assert "PUT /rules with If-Match: * replaces" in refused.get_json(force=True)["detail"]
    assert path.read_text() == "{"
    assert put(shop, []).status_code == 200
    assert ids(shop) == before
    assert shop.post("/search", json=QUERY).get_json()["degraded"] == []


def test_a_full_disk_costs_no_rule(shop: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids(shop)
    put(shop, [hide("gone", before[0])])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as fault:
        fault.setattr("service.rules.replace_file", full)
        refused = put(shop, [])
    assert refused.status_code == 503 and refused.headers["Retry-After"]
    told = refused.get_json(force=True)
    assert told["part"] == "disk" and "cannot be read or written" in told["detail"]
    assert before[0] not in ids(shop) and put(shop, []).status_code == 200


def test_the_settings_name_a_file_that_is_only_read(world: World, tmp_path: Path) -> None:
    file = tmp_path / "own.json"
    file.write_bytes(orjson.dumps({"rules": [hide("own", "x")]}))
    config = world.config.model_copy(update={"rules": RulesConfig(file=file)})
    app = create_app(replace(world, config=config).config, clock=lambda: world.now_ms)
    client = app.test_client()
    assert [rule["id"] for rule in client.get("/rules").get_json()["rules"]] == ["own"]
    assert put(client, []).status_code == 409
    app.extensions["search_rerank"].close()


def test_rerank_and_similar(shop: FlaskClient) -> None:
    given = ids(shop)[:4]
    put(shop, [pin("last", {given[0]: 4, "elsewhere": 1}), hide("gone", given[1], "nobody")])
    body = shop.post("/rerank", json={"items": [*given, "nobody", "unknown"]}).get_json()
    found = [hit["id"] for hit in body["hits"]]
    assert set(found) == {given[0], given[2], given[3], "unknown"} and body["total"] == 4
    assert found[2] == given[0] and found[3] == "unknown"
    near = shop.get(f"/items/{given[0]}/similar?size=3").get_json()["hits"]
    put(shop, [hide("near", near[0]["id"])])
    left = shop.get(f"/items/{given[0]}/similar?size=2").get_json()["hits"]
    assert [hit["id"] for hit in left] == [hit["id"] for hit in near[1:]]


def test_titles_of_what_is_hidden_are_not_suggested(shop: FlaskClient, world: World) -> None:
    item = world.items[0]
    asked = f"/suggest?q={item.title}&size=20"

    def titles() -> list[str]:
        return [one.get("item") for one in shop.get(asked).get_json()["suggestions"]]

    assert item.id in titles()
    put(shop, [hide("gone", item.id, when={"query": {"exact": ["shoes"]}})])
    assert item.id in titles()
    put(shop, [hide("gone", item.id)])
    assert item.id not in titles()


@pytest.mark.slow
def test_every_worker_takes_them_up(world: World, tmp_path: Path) -> None:
    process = start(settings(world.config.home, tmp_path), "--port", "0")
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        url = f"{address}search?query=shoes&size=3"
        first = [hit["id"] for hit in ask(url)["hits"]]  # type: ignore[attr-defined]
        body = orjson.dumps([pin("front", {first[2]: 1})])
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        request = urllib.request.Request(f"{address}rules", body, headers, method="PUT")
        with urllib.request.urlopen(request, timeout=30) as response:
            assert response.status == 200
        until, agreed = time.monotonic() + 20, 0
        # each request is a connection of its own, so that either worker may answer it
        while agreed < 20:
            found = ask(url)["hits"]
            agreed = agreed + 1 if found[0]["rules"] == ["front"] else 0  # type: ignore[index]
            assert time.monotonic() < until, "a worker does not follow"
        with pytest.raises(urllib.error.HTTPError, match="428"):
            ask(f"{address}rules", [], "PUT")
    finally:
        (world.config.home / "rules.json").unlink(missing_ok=True)
        process.terminate()
        process.communicate(timeout=30)
