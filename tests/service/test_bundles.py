"""Bundles over HTTP: listed, loaded and rolled back beside the requests."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from search_rerank.bundle import load_bundle, save_bundle
from search_rerank.bundles import live_bundle
from search_rerank.config import Config
from service.app import create_app
from tests.service.conftest import World
from tests.service.test_serve import settings, start


@pytest.fixture
def config(world: World, tmp_path: Path) -> Config:
    """A home of its own, with a second bundle."""
    home = tmp_path / "home"
    shutil.copytree(world.config.home, home, ignore=shutil.ignore_patterns("workers"))
    config = world.config.model_copy(update={"home": home})
    save_bundle(another(config), home / "bundles")
    return config


def another(config: Config) -> Any:
    live = live_bundle(config.home / "bundles")
    assert live is not None
    bundle = load_bundle(live)
    return replace(bundle, propensities=None, selections={})


def names(config: Config) -> tuple[str, str]:
    """Return the live bundle and the other one."""
    live = live_bundle(config.home / "bundles")
    assert live is not None
    (other,) = {path.parent.name for path in live.parent.glob("*/manifest.json")} - {live.name}
    return live.name, other


@pytest.fixture
def client(config: Config, world: World) -> Iterator[FlaskClient]:
    app = create_app(config, clock=lambda: world.now_ms)
    yield app.test_client()
    app.extensions["search_rerank"].close()


def test_a_bundle_is_loaded_and_rolled_back(client: FlaskClient, config: Config) -> None:
    first, second = names(config)
    assert client.get("/search?query=shoe").get_json()["bundle"] == first
    told = client.post(f"/bundles/{second}/load").get_json()
    assert told["live"] == second
    assert [worker["bundle"] for worker in told["workers"]] == [second]
    assert client.get("/search?query=shoe").get_json()["bundle"] == second
    assert client.post("/bundles/rollback").get_json()["live"] == first
    assert client.get("/search?query=shoe").get_json()["bundle"] == first
    listed = client.get("/bundles").get_json()
    assert {row["version"]: row["live"] for row in listed["bundles"]} == {
        first: True,
        second: False,
    }


def test_what_cannot_be_loaded_changes_nothing(client: FlaskClient, config: Config) -> None:
    first, second = names(config)
    client.get("/search")
    assert client.post("/bundles/rollback").status_code == 409
    for version in ("nope", "..", "%2e%2e"):
        assert client.post(f"/bundles/{version}/load").status_code == 404
    (config.home / "bundles" / second / "catalogue.npz").unlink()
    refused = client.post(f"/bundles/{second}/load")
    assert refused.status_code == 409
    assert "catalogue.npz: missing or altered" in refused.get_json(force=True)["detail"]
    answer = client.get("/search").get_json()
    assert answer["bundle"] == first == client.get("/bundles").get_json()["live"]
    assert answer["degraded"] == []


def test_a_full_disk_changes_nothing(
    client: FlaskClient, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = names(config)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/where/it/is")

    with monkeypatch.context() as fault:
        fault.setattr("search_rerank.following.promote_bundle", full)
        refused = client.post(f"/bundles/{second}/load")
    assert refused.status_code == 503 and refused.get_json(force=True)["part"] == "disk"
    assert "/where" not in refused.text
    assert client.get("/search").get_json()["bundle"] == first
    assert client.post(f"/bundles/{second}/load").status_code == 200


def ask(address: str, method: str = "GET") -> dict[str, Any]:
    request = urllib.request.Request(address, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status == 200
        found: dict[str, Any] = json.load(response)
    return found


@pytest.fixture
def address(config: Config, tmp_path: Path) -> Iterator[str]:
    process: subprocess.Popen[str] = start(settings(config.home, tmp_path), "--port", "0")
    assert process.stdout is not None
    yield process.stdout.readline().split()[-1]
    process.terminate()
    process.communicate(timeout=30)


@pytest.mark.slow
def test_no_request_fails_while_bundles_switch(address: str, config: Config) -> None:
    both, over = set(names(config)), Event()

    def shop() -> Counter[str]:
        seen: Counter[str] = Counter()
        while not over.is_set():
            seen[ask(f"{address}search?query=shoe&size=3")["bundle"]] += 1
        return seen

    def switch(path: str) -> str:
        wanted: str = ask(f"{address}bundles/{path}", "POST")["live"]
        until = time.monotonic() + 20
        while time.monotonic() < until:
            workers = ask(f"{address}bundles")["workers"]
            if len(workers) == 2 and {worker["bundle"] for worker in workers} == {wanted}:
                return wanted
            time.sleep(0.05)
        raise AssertionError(f"expected both workers at {wanted}, found {workers}")

    with ThreadPoolExecutor(3) as pool:
        shopping = [pool.submit(shop) for _ in range(3)]
        try:
            first, other = names(config)
            found = [switch(path) for path in (f"{other}/load", "rollback", "rollback")]
        finally:
            over.set()
        seen = sum((one.result() for one in shopping), Counter[str]())
    assert found == [other, first, other]
    assert set(seen) == both
