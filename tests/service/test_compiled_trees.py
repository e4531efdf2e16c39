"""Workers rank by LightGBM until their trees are machine code, and nobody can tell when it was."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from search_rerank.bundle import load_bundle, save_bundle
from search_rerank.bundles import live_bundle, promote_bundle
from search_rerank.config import Config, ExperimentConfig
from search_rerank.fusion import lambdamart
from search_rerank.fusion.compiled import can_compile
from search_rerank.fusion.lambdamart import LambdaMart
from service import runtime
from service.app import create_app
from tests.service.conftest import World

pytestmark = pytest.mark.skipif(not can_compile(), reason="lleaves is not installed")
WAIT_S = 60


@pytest.fixture
def config(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A home of its own, whose live bundle serves the cascade: words first, then trees."""
    monkeypatch.setattr(runtime, "_CHECK_EVERY_S", 0.01)
    home = tmp_path / "home"
    shutil.copytree(world.config.home, home, ignore=shutil.ignore_patterns("workers"))
    live = live_bundle(home / "bundles")
    assert live is not None
    bundle = replace(load_bundle(live), selections={})
    promote_bundle(home / "bundles", save_bundle(bundle, home / "bundles"))
    return world.config.model_copy(update={"home": home})


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serve(config: Config, world: World, stack: ExitStack) -> Flask:
    app = create_app(config, clock=lambda: world.now_ms)
    stack.callback(app.extensions["search_rerank"].close)
    return app


def compiled(client: FlaskClient) -> bool | None:
    (worker,) = client.get("/bundles").get_json()["workers"]
    found: bool | None = worker["compiled"]
    return found


def wait_until_compiled(client: FlaskClient) -> None:
    until = time.monotonic() + WAIT_S
    while not compiled(client):
        assert time.monotonic() < until, "the trees are not compiled"
        time.sleep(0.01)


def hits(client: FlaskClient) -> list[tuple[str, float]]:
    found: dict[str, Any] = client.post(
        "/search", json={"query": "shoe", "user": "u00001", "size": 50}
    ).get_json()
    assert found["degraded"] == []
    return [(hit["id"], hit["score"]) for hit in found["hits"]]


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch, stack: ExitStack) -> Event:
    """Compiling waits for it."""
    held, right = Event(), lambdamart.compiled

    def late(*given: Any) -> Any:
        assert held.wait(WAIT_S)
        return right(*given)

    monkeypatch.setattr(lambdamart, "compiled", late)
    stack.callback(held.set)
    return held


def test_the_order_is_the_same_before_and_after(
    config: Config, world: World, stack: ExitStack, hold: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_lightgbm, right = [], LambdaMart._by_lightgbm

    def counted(self: LambdaMart, X: Any) -> Any:
        by_lightgbm.append(len(X))
        return right(self, X)

    monkeypatch.setattr(LambdaMart, "_by_lightgbm", counted)
    client = serve(config, world, stack).test_client()
    before = hits(client)
    assert len(before) == 50 and by_lightgbm and compiled(client) is False
    hold.set()
    wait_until_compiled(client)
    by_lightgbm.clear()
    assert hits(client) == before
    assert by_lightgbm == []


@pytest.mark.slow
def test_no_request_differs_while_trees_are_swapped(
    config: Config, world: World, stack: ExitStack, hold: Event
) -> None:
    app = serve(config, world, stack)
    expected, over = hits(app.test_client()), Event()

    def shop() -> int:
        n = 0
        while not over.is_set():
            assert hits(app.test_client()) == expected
            n += 1
        return n

    with ThreadPoolExecutor(3) as pool:
        shopping = [pool.submit(shop) for _ in range(3)]
        try:
            hold.set()
            wait_until_compiled(app.test_client())
        finally:
            over.set()
        assert all(one.result() for one in shopping)


@pytest.mark.slow
def test_a_bundle_that_is_taken_up_is_compiled(
    config: Config, world: World, stack: ExitStack
) -> None:
    client = serve(config, world, stack).test_client()
    hits(client)
    wait_until_compiled(client)
    live = live_bundle(config.home / "bundles")
    assert live is not None
    other = save_bundle(replace(load_bundle(live), propensities=None, learnt=None), live.parent)
    assert other != live.name
    (worker,) = client.post(f"/bundles/{other}/load").get_json()["workers"]
    assert worker["bundle"] == other
    wait_until_compiled(client)


def fusions(app: Flask) -> dict[str, bool | None]:
    """Return whether the trees of each fusion of the bundle in use were compiled."""
    with app.extensions["search_rerank"].pipeline() as pipeline:
        serving = pipeline.in_use.bundle.serving
    return {name: trees.compiled for name in serving for trees in serving[name].boosted()}


def test_only_what_may_rank_is_compiled(config: Config, world: World, stack: ExitStack) -> None:
    app = serve(config, world, stack)
    hits(app.test_client())
    wait_until_compiled(app.test_client())
    assert fusions(app) == {"cascade": True, "lambdamart": None}


@pytest.mark.slow
def test_fusions_of_an_experiment_are_compiled(
    config: Config, world: World, stack: ExitStack
) -> None:
    asked = ExperimentConfig(name="trees", control="lambdamart", treatment="vote")
    app = serve(config.model_copy(update={"experiment": asked}), world, stack)
    hits(app.test_client())
    wait_until_compiled(app.test_client())
    assert fusions(app) == {"cascade": True, "lambdamart": True}


@pytest.mark.parametrize("why", ["turned off", "not installed"])
def test_lightgbm_ranks_where_nothing_is_compiled(
    why: str,
    config: Config,
    world: World,
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if why == "turned off":
        settings = config.service.model_copy(update={"compile_trees": False})
        config = config.model_copy(update={"service": settings})
    else:
        monkeypatch.setattr(runtime, "can_compile", lambda: False)
    app = serve(config, world, stack)
    assert len(hits(app.test_client())) == len(hits(app.test_client())) == 50
    assert app.extensions["search_rerank"]._compiling is None
    assert fusions(app) == {"cascade": None, "lambdamart": None}
    assert compiled(app.test_client()) is False
    said = caplog.text.count("lleaves is not installed: LightGBM scores")
    assert said == (why == "not installed")
