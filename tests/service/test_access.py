"""Keys, scopes and rate limits of a service that listens beyond the loopback address."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from search_rerank.config import Config, parse_config
from search_rerank.config.access import is_loopback
from search_rerank.errors import ConfigError
from search_rerank.keys import SCOPES, Scope, create_key, keys_path, revoke_key
from service.access import NEEDS, check_access, scope_of
from service.app import create_app

ELSEWHERE = {"service": {"host": "0.0.0.0", "workers": 1}}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse_config({"home": str(tmp_path), **ELSEWHERE})


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    app = create_app(config)
    yield app
    app.extensions["search_rerank"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def make(config: Config, *scopes: Scope, per_minute: int | None = None) -> str:
    name = "-".join(scopes)
    return create_key(keys_path(config.home), name, scopes, 0, per_minute).token


def status(client: FlaskClient, token: str, path: str = "/suggest", method: str = "GET") -> int:
    return client.open(path, method=method, headers={"X-API-Key": token}).status_code


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.0.9", True),
        ("localhost", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.1.2.3", False),
        ("x" * 64, False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_no_key_is_asked_for_on_loopback_unless_it_is_set(tmp_path: Path) -> None:
    for host, keys, needed in [
        ("127.0.0.1", "elsewhere", False),
        ("127.0.0.1", "always", True),
        ("0.0.0.0", "elsewhere", True),
        ("0.0.0.0", "never", False),
    ]:
        values = {"service": {"host": host}, "access": {"keys": keys}, "home": str(tmp_path)}
        config = parse_config(values)
        assert config.access.needed(host) is needed
        assert (create_app(config).test_client().get("/suggest").status_code == 401) is needed


def test_a_service_beyond_loopback_needs_a_key_to_start(config: Config) -> None:
    with pytest.raises(ConfigError, match="search-rerank key create .* or listen on 127.0.0.1"):
        check_access(config)
    make(config, "search")
    check_access(config)


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "x"}, {"Authorization": "Bearer é"}])
def test_without_a_known_key_it_is_401(client: FlaskClient, headers: dict[str, str]) -> None:
    response = client.get("/suggest", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("part", ["id", "secret"])
def test_half_a_key_is_none(client: FlaskClient, config: Config, part: str) -> None:
    _, id_, secret = make(config, "search").split("_", 2)
    wrong = f"sr_{id_}_{'A' * 43}" if part == "id" else f"sr_{'0' * 12}_{secret}"
    assert status(client, wrong) == 401


def test_either_header_shows_a_key(client: FlaskClient, config: Config) -> None:
    token = make(config, "search")
    for headers in ({"X-API-Key": token}, {"Authorization": f"bearer {token}"}):
        assert client.get("/suggest", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/search", "search"),
        ("HEAD", "/search", "search"),
        ("POST", "/search", "search"),
        ("GET", "/items/a/similar", "search"),
        ("GET", "/items/a", "search"),
        ("PUT", "/items/a", "admin"),
        ("DELETE", "/items/a", "admin"),
        ("POST", "/items", "admin"),
        ("POST", "/events", "events"),
        ("GET", "/", "admin"),
        ("GET", "/static/shop.css", "admin"),
        ("POST", "/shop/events", "admin"),
    ],
)
def test_each_endpoint_needs_its_scope(
    client: FlaskClient, config: Config, method: str, path: str, scope: Scope
) -> None:
    others = [other for other in SCOPES if other != scope]
    refused = client.open(path, method=method, headers={"X-API-Key": make(config, *others)})
    assert refused.status_code == 403
    if method != "HEAD":
        told = refused.get_json(force=True)
        assert told["scope"] == scope
        assert f"expected a key with the scope '{scope}'" in told["detail"]
    assert status(client, make(config, scope), path, method) not in (401, 403)


def test_the_table_names_endpoints_that_there_are(app: Flask) -> None:
    there = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods}
    assert {(rule, method) for rule, needs in NEEDS.items() for method in needs} <= there


def test_what_is_not_in_the_table_needs_admin() -> None:
    assert scope_of("/new", "GET") == scope_of("/search", "DELETE") == "admin"


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        ({"Origin": "http://localhost"}, False),
        ({"Origin": "https://example.org"}, True),
        ({"Origin": "https://example.org", "Sec-Fetch-Site": "same-origin"}, False),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "none"}, False),
    ],
)
def test_no_page_of_another_site_changes_anything(
    tmp_path: Path, headers: dict[str, str], refused: bool
) -> None:
    """On the loopback address there is no key that such a page would lack."""
    client = create_app(parse_config({"home": str(tmp_path)})).test_client()
    for path in ("/bundles/rollback", "/events", "/shop/events"):
        status = client.post(path, headers=headers).status_code
        assert (status == 403) is refused
    assert client.get("/suggest", headers=headers).status_code != 403


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("localhost", False),
        ("LOCALHOST:8000", False),
        ("127.0.0.1:8000", False),
        ("[::1]:8000", False),
        ("shop.localhost", False),
        ("shop.example:8000", False),
        ("evil.example", True),
        ("127.0.0.1.evil.example", True),
        ("10.0.0.1", True),
    ],
)
def test_under_another_name_nothing_of_a_shopper_is_read_or_changed(
    tmp_path: Path, host: str, refused: bool
) -> None:
    """A page of another site may have its name lead to this machine."""
    config = {"home": str(tmp_path), "access": {"hosts": ["shop.example"]}}
    client = create_app(parse_config(config)).test_client()
    for method, path in (("get", "/users/u1/export"), ("delete", "/users/u1"), ("get", "/rules")):
        response = getattr(client, method)(path, headers={"Host": host})
        assert (response.status_code == 403) is refused
    assert client.get("/healthz", headers={"Host": host}).status_code == 200
    assert client.get("/suggest", headers={"Host": host}).status_code != 403


def test_health_is_open(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503  # there is no index
    assert client.get("/nope").status_code == 404


def test_keys_come_and_go_while_it_runs(client: FlaskClient, config: Config) -> None:
    first, second = make(config, "search"), make(config, "search", "events")
    assert [status(client, one) for one in (first, second)] == [200, 200]
    revoke_key(keys_path(config.home), "search")
    assert [status(client, one) for one in (first, second)] == [401, 200]


def test_a_damaged_file_keeps_the_last_good_keys(client: FlaskClient, config: Config) -> None:
    token = make(config, "search", "admin")
    assert status(client, token) == 200
    keys_path(config.home).write_text("{")
    assert status(client, token) == 200
    with pytest.raises(ConfigError, match="expected keys as 'search-rerank key create'"):
        check_access(config)
    late = create_app(config).test_client()
    refused = late.get("/suggest", headers={"X-API-Key": token})
    assert (refused.status_code, refused.get_json(force=True)["part"]) == (503, "keys")
    assert late.get("/suggest").status_code == 401
    ready = late.get("/readyz")
    assert (ready.status_code, ready.get_json(force=True)["part"]) == (503, "keys")


def test_a_damaged_key_costs_itself(client: FlaskClient, config: Config) -> None:
    first, second = make(config, "search"), make(config, "search", "admin")
    path = keys_path(config.home)
    path.write_text(path.read_text().replace('"salt": "', '"salt": "zz', 1))
    assert [status(client, one) for one in (first, second)] == [401, 200]
    check_access(config)
    counted = client.get("/metrics", headers={"X-API-Key": second}).text
    assert 'search_rerank_keys{outcome="known"} 1.0' in counted
    assert 'search_rerank_keys{outcome="refused"} 1.0' in counted
    revoke_key(path, "search-admin")
    with pytest.raises(ConfigError, match="expected an API key .* found 1 damaged ones"):
        check_access(config)


def test_a_key_has_its_limit(client: FlaskClient, config: Config) -> None:
    token, other = make(config, "search", per_minute=3), make(config, "search", "events")
    assert [status(client, token) for _ in range(4)] == [200, 200, 200, 429]
    told = client.get("/suggest", headers={"X-API-Key": token})
    assert 1 <= int(told.headers["Retry-After"]) <= 60
    assert "at most 3 requests a minute" in told.get_json(force=True)["detail"]
    assert status(client, other) == 200


def test_workers_share_a_limit(tmp_path: Path) -> None:
    service = {"host": "0.0.0.0", "workers": 2}
    config = parse_config({"home": str(tmp_path), "service": service, "access": {"per_minute": 4}})
    token = make(config, "search")
    client = create_app(config).test_client()
    assert [status(client, token) for _ in range(3)] == [200, 200, 429]


def test_a_key_is_in_no_log(
    client: FlaskClient, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = make(config, "search", per_minute=1)
    for shown in (token, token, token[:-1] + "_"):
        status(client, shown)
        status(client, shown, "/metrics")
    assert token.split("_", 2)[2][:20] not in caplog.text


def test_the_page_of_the_interface_needs_no_key(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    parts = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(parts) >= 4
    assert {part: client.get(part).status_code for part in parts} == dict.fromkeys(parts, 200)
