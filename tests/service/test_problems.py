from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from search_rerank.errors import (
    BundleError,
    EngineError,
    EngineUnavailable,
    SearchRerankError,
    StateError,
)
from search_rerank.pipeline import Pipeline
from service.app import create_app
from tests.service.conftest import World


def test_health_of_a_whole_service(client: FlaskClient, world: World) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    ready = client.get("/readyz").get_json()
    assert ready["status"] == "ready"
    assert ready["engine"] == {"kind": "embedded", "items": len(world.items)}
    assert ready["bundle"]
    assert ready["degraded"] == []


def test_without_a_bundle_it_is_ready_and_says_so(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.home / "index", tmp_path / "index")
    config = world.config.model_copy(update={"home": tmp_path})
    app = create_app(config)
    response = app.test_client().get("/readyz")
    assert response.status_code == 200
    ready = response.get_json()
    assert (ready["status"], ready["bundle"]) == ("ready", None)
    assert [part["stage"] for part in ready["degraded"]] == ["bundle"]
    assert "run 'search-rerank train'" in ready["degraded"][0]["reason"]
    app.extensions["search_rerank"].close()


def test_without_an_index_it_lives_and_is_not_ready(empty_client: FlaskClient) -> None:
    assert empty_client.get("/healthz").status_code == 200
    for path in ("/readyz", "/search", "/"):
        response = empty_client.get(path)
        assert response.status_code == 503
        assert response.content_type == "application/problem+json"
        assert response.headers["Retry-After"] == "5"
        assert response.get_json(force=True)["part"] == "engine"


def test_a_damaged_state_is_named(world: World, tmp_path: Path) -> None:
    for part in ("index", "bundles"):
        shutil.copytree(world.config.home / part, tmp_path / part)
    (tmp_path / "state.sqlite3").write_bytes(b"not a database" * 100)
    app = create_app(world.config.model_copy(update={"home": tmp_path}))
    response = app.test_client().get("/readyz")
    assert response.status_code == 200
    (part,) = response.get_json()["degraded"]
    assert part["stage"] == "state" and part["reason"].endswith("events are refused")
    app.extensions["search_rerank"].close()


@pytest.mark.parametrize("error", [EngineUnavailable, EngineError, StateError, BundleError])
@pytest.mark.parametrize("path", ["/search", "/"])
def test_what_is_away_is_told_without_where_it_is(
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[SearchRerankError],
    path: str,
) -> None:
    def away(*_: object, **__: object) -> None:
        raise error("http://elastic:9200 in /var/lib/shop does not answer")

    monkeypatch.setattr(Pipeline, "search", away)
    response = client.get(path)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "elastic" not in response.text and "/var" not in response.text
    assert "try again in 5 seconds" in response.get_json(force=True)["detail"]
    assert "http://elastic:9200" in caplog.text


def test_our_own_bug_shows_no_trace(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Pipeline, "search", bug)
    response = client.get("/search")
    assert response.status_code == 500
    assert response.content_type == "application/problem+json"
    assert "secret" not in response.text
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/static/nope.css", 404),
        ("GET", "/static/../app.py", 404),
        ("DELETE", "/search", 405),
        ("GET", "/events", 405),
        ("POST", "/search", 415),
        ("GET", "/shop/items/nope", 404),
        ("POST", "/shop/events", 400),
    ],
)
def test_errors_are_problem_documents(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    told = response.get_json(force=True)
    assert told["status"] == status
    assert told["detail"]
    if status == 405:
        assert response.headers["Allow"]


def test_pages_forbid_foreign_scripts(client: FlaskClient) -> None:
    response = client.get("/")
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script>" not in response.text
    assert " style=" not in response.text
