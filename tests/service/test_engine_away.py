"""A real Elasticsearch that is killed under load, hangs, and comes back, behind a proxy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from flask import Flask

from benchmarks.proxy import Proxy, proxied
from service.app import create_app
from tests.engines.conftest import ES_URL
from tests.service.conftest import World, build

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]
KNOWN = [f"/search?query={word}&user=u0000{n}" for n, word in enumerate(("shoes", "lamp", "mug"))]
KNOWN.insert(2, "/recommend?user=u00003")


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    url = os.environ.get(ES_URL)
    if not url:
        pytest.skip(f"no Elasticsearch: {ES_URL} is not set; start one with `make elasticsearch`")
    parts = urlsplit(url)
    with proxied(parts.hostname or "", parts.port or 9200) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def away_world(proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    index = f"away-{uuid4().hex[:10]}"
    engine = {
        "kind": "elasticsearch",
        "index": index,
        "url": f"http://127.0.0.1:{proxy.port}",
        "timeout_s": 3,
    }
    yield build(tmp_path_factory.mktemp("away"), engine=engine)
    import elasticsearch

    with elasticsearch.Elasticsearch(os.environ[ES_URL]) as client:
        for name in client.indices.get(index=f"{index}-v*"):
            client.indices.delete(index=name)


@pytest.fixture
def app(away_world: World, proxy: Proxy) -> Iterator[Flask]:
    app = create_app(away_world.config, clock=lambda: away_world.now_ms)
    for path in KNOWN:
        assert app.test_client().get(path).status_code == 200
    yield app
    proxy.mend()
    app.extensions["search_rerank"].close()


def unknown() -> str:
    return f"/search?query=shoes+{uuid4().hex[:6]}"


@pytest.mark.parametrize("leave", [Proxy.cut, Proxy.hang], ids=["killed", "hanging"])
def test_known_searches_are_answered_and_others_refused_until_it_is_back(
    app: Flask, proxy: Proxy, leave: Callable[[Proxy], None]
) -> None:
    stop, known, others = Event(), [], []

    def load(n: int) -> None:
        client = app.test_client()
        while not stop.is_set():
            response = client.get(KNOWN[n % len(KNOWN)], headers={"X-Deadline-Ms": "1000"})
            known.append((response.status_code, response.get_json(force=True).get("stale")))
            if n % 2:
                other = client.get(unknown(), headers={"X-Deadline-Ms": "1000"})
                others.append((other.status_code, other.headers.get("Retry-After")))
            time.sleep(0.05)

    with ThreadPoolExecutor(4) as pool:
        loads = [pool.submit(load, n) for n in range(4)]
        time.sleep(0.5)
        leave(proxy)
        time.sleep(5)
        proxy.mend()
        back_s = time.monotonic()
        client = app.test_client()
        while client.get(unknown()).status_code != 200:
            assert time.monotonic() - back_s < 5, "not back within 5 s of the engine's return"
            time.sleep(0.05)
        while any(client.get(path).get_json()["stale"] for path in KNOWN):
            assert time.monotonic() - back_s < 5, "still stale 5 s after the engine's return"
        stop.set()
        for one in loads:
            one.result(timeout=30)
    assert {status for status, _ in known} == {200}
    assert {stale for _, stale in known} == {True, False}
    assert {status for status, _ in others} <= {200, 503}
    assert 503 in {status for status, _ in others}
    assert all(after == "5" for status, after in others if status == 503)


def test_an_engine_that_is_away_is_not_waited_for(app: Flask, proxy: Proxy) -> None:
    client = app.test_client()
    proxy.cut()
    for _ in range(3):
        assert client.get(unknown()).status_code == 503
    with app.extensions["search_rerank"].pipeline() as pipeline:
        assert pipeline.guards.engine.open
        asked: list[int] = []
        real = pipeline.engine._engine.retrieve
        pipeline.engine._engine.retrieve = lambda *given: (asked.append(1), real(*given))[1]
    for _ in range(30):
        assert client.get(unknown()).status_code == 503
    assert len(asked) <= 10  # a probe a second, however many ask


def test_events_are_taken_while_it_is_away(app: Flask, proxy: Proxy, away_world: World) -> None:
    client, visit = app.test_client(), f"visit-{uuid4().hex[:6]}"
    proxy.cut()
    event = {"item": away_world.items[0].id, "type": "click", "session": visit}
    response = client.post("/events", json=[event, event | {"item": "nobody sells this"}])
    assert (response.status_code, response.get_json()["accepted"]) == (202, 2)
    proxy.mend()
    deadline = time.monotonic() + 20
    while (found := client.get(f"/search?query=shoes&session={visit}")).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found.get_json()["history"] == 1  # what is no item of the bundle says nothing
