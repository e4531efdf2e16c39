"""Faults put into a service one by one: a search is answered, and says what it did without."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from search_rerank.bundles import live_bundle
from search_rerank.errors import ConfigError, EngineUnavailable, StateError
from search_rerank.last_good import LastGood
from service import runtime as opened
from service.app import create_app
from service.problems import Problem
from service.runtime import Runtime
from service.writes import AT_ONCE, Writes
from tests.service.conftest import World

pytestmark = pytest.mark.slow

SEARCH = "/search?query=shoes&user=u00000&size=5"
MS = {"X-Deadline-Ms": "1500"}


class Shop:
    """A service over a home of its own, by a clock that a test may set."""

    def __init__(self, world: World, home: Path) -> None:
        shutil.copytree(world.config.home, home)
        self.now_ms: Callable[[], int] = lambda: world.now_ms
        self.config = world.config.model_copy(update={"home": home})
        self.app = create_app(self.config, clock=lambda: self.now_ms())
        self.client: FlaskClient = self.app.test_client()
        self.run: Runtime = self.app.extensions["search_rerank"]

    def search(self, path: str = SEARCH) -> dict[str, Any]:
        response = self.client.get(path, headers=MS)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.get_json()
        return found

    def problem(self, path: str = SEARCH) -> dict[str, Any]:
        response = self.client.get(path, headers=MS)
        assert response.status_code == 503, response.text
        assert int(response.headers["Retry-After"]) >= 1
        found: dict[str, Any] = response.get_json(force=True)
        return found

    def click(self, item: str, **more: object) -> int:
        row = {"item": item, "type": "click", "session": "faults"} | more
        return self.client.post("/events", json=row).status_code


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(world, tmp_path / "home")
    yield shop
    shop.run.close()


@pytest.fixture
def hang() -> Iterator[Event]:
    event = Event()
    yield event
    event.set()


def degraded(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part["stage"], part["reason"]) for part in found["degraded"]]


def test_without_a_fault_nothing_is_degraded(shop: Shop) -> None:
    found = shop.search()
    assert degraded(found) == [] and found["stale"] is False and len(found["hits"]) == 5


@pytest.mark.parametrize(
    "text",
    ["0", "-5", "soon", "", "1.5", "60001", "9" * 40, f"{1:09}{1:09}", f"{1:09}{0:05000}", "٣٠"],
)
def test_a_deadline_that_is_none_is_refused(shop: Shop, text: str) -> None:
    response = shop.client.get(SEARCH, headers={"X-Deadline-Ms": text})
    assert response.status_code == 400
    assert "X-Deadline-Ms: expected a whole number" in response.get_json(force=True)["detail"]


def test_a_millisecond_is_enough_for_the_engine_s_order(shop: Shop) -> None:
    shop.search()
    response = shop.client.get(SEARCH, headers={"X-Deadline-Ms": "1"})
    assert response.status_code == 200 and len(response.get_json()["hits"]) == 5


def test_a_scorer_that_sleeps(shop: Shop, hang: Event) -> None:
    class Sleeping:
        name = "content"

        def score(self, *_: object) -> None:
            hang.wait()

    with shop.run.pipeline() as pipeline:
        now = pipeline.in_use
        assert now.builder is not None
        scorers: Any = [Sleeping() if s.name == "content" else s for s in now.builder.scorers]
        builder = replace(now.builder, scorers=scorers)
        pipeline._following.now = replace(now, builder=builder)
    for path in (SEARCH, "/recommend?user=u00000"):
        found = shop.search(path)
        assert degraded(found) == [("score.content", "late")]
        assert found["bundle"] and len(found["hits"]) >= 5


def test_a_bundle_that_is_damaged_while_it_serves(shop: Shop) -> None:
    before = shop.search()
    live = live_bundle(shop.config.home / "bundles")
    assert live is not None
    for file in live.iterdir():
        if file.is_file():
            file.write_bytes(file.read_bytes()[:100] + b"damage")
    with shop.run.pipeline() as pipeline:
        assert pipeline.reload_if_changed() is False
    after = shop.search()
    assert degraded(after) == [("bundle", "the live one is damaged or misfit: see the log")]
    assert after["hits"] == before["hits"] and after["bundle"] == before["bundle"]


def test_no_state_at_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def away(_: object) -> None:
        tried.append(1)
        raise StateError("redis://elsewhere: cannot be reached")

    monkeypatch.setattr(opened, "open_state", away)
    for n in range(8):
        found = shop.search()
        asked = [("consent", 2 * n), ("state", 2 * n + 1)]  # until three in a row have failed
        assert degraded(found) == [(of, "StateError" if k < 3 else "resting") for of, k in asked]
        assert found["bundle"] and found["history"] == 0
    assert len(tried) <= 2  # once a second
    response = shop.client.post("/events", json={"item": found["hits"][0]["id"], "type": "click"})
    assert response.status_code == 503
    assert response.get_json(force=True)["part"] in ("state", "service")
    ready = shop.client.get("/readyz")
    assert ready.status_code == 200
    assert [part["stage"] for part in ready.get_json()["degraded"]] == ["state"]


def test_a_slow_disk(shop: Shop, hang: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.search()
    state = shop.run._state.opened
    assert state is not None
    for method in ("history", "item_counts"):
        monkeypatch.setattr(state, method, lambda *_: hang.wait())
    found = shop.search()
    assert degraded(found) == [("state", "late")] and found["bundle"]


def test_a_disk_that_hangs_leaves_threads_for_searches(
    shop: Shop, hang: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = shop.search()["hits"][0]["id"]
    state = shop.run._state.opened
    assert state is not None
    monkeypatch.setattr(state, "append", lambda _: hang.wait() and 0)
    with ThreadPoolExecutor(8) as pool:
        clicks = as_completed([pool.submit(shop.click, item) for _ in range(8)], timeout=30)
        # three find no place; the five that hang are answered once the disk is there again
        assert [next(clicks).result() for _ in range(8 - AT_ONCE)] == [503] * (8 - AT_ONCE)
        assert degraded(shop.search()) == []
        hang.set()
        assert [one.result() for one in clicks] == [202] * AT_ONCE
    assert shop.click(item) == 202


def test_a_full_disk(shop: Shop) -> None:
    item = shop.search()["hits"][0]["id"]
    state: Any = shop.run._state.opened
    pages = state._db.execute("PRAGMA page_count").fetchone()[0]
    state._db.execute(f"PRAGMA max_page_count = {pages}")
    answers = {shop.click(item, query="x" * 300 + str(n)) for n in range(400)}
    assert answers == {202, 503}
    found = shop.search()
    assert degraded(found) == [] and len(found["hits"]) == 5
    state._db.execute("PRAGMA max_page_count = 1000000")
    assert shop.click(item) == 202


@pytest.mark.parametrize("hours", [-48, -1, 1, 48])
def test_a_clock_that_was_set_between_requests(shop: Shop, world: World, hours: int) -> None:
    item = shop.search()["hits"][0]["id"]
    assert shop.click(item) == 202
    shop.now_ms = lambda: world.now_ms + hours * 3_600_000
    assert degraded(shop.search("/search?query=shoes&session=faults")) == []
    assert shop.click(item) == 202
    assert shop.search("/search?query=shoes&session=faults")["history"] == 2
    shop.now_ms = lambda: world.now_ms
    assert degraded(shop.search("/search?query=shoes&session=faults")) == []
    assert shop.click(item) == 202


def test_a_clock_that_is_set_within_a_request(shop: Shop, world: World) -> None:
    hours = iter(range(1000))

    def jumping() -> int:
        return world.now_ms + (-1) ** next(hours) * 5 * 3_600_000

    item = shop.search()["hits"][0]["id"]
    shop.now_ms = jumping
    for _ in range(6):
        assert shop.click(item) == 202
        assert degraded(shop.search("/search?query=shoes&session=faults")) == []
        assert shop.search("/recommend?session=faults")["hits"]


def test_writes_that_hang_are_not_followed_by_others() -> None:
    moment = [0.0]
    writes = Writes("state", lambda: moment[0])
    with writes.one(), writes.one():
        moment[0] = 2.1
        with pytest.raises(Problem, match="takes long to store"), writes.one():
            pytest.fail("begun")
    with writes.one():
        pass


class TestEngineAway:
    @pytest.fixture
    def away(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
        shop.search()
        with shop.run.pipeline() as pipeline:
            pipeline.last_good = LastGood(8, 60)
            engine: Any = pipeline.engine

        def go() -> None:
            def gone(*_: object) -> None:
                raise EngineUnavailable("cannot be reached at http://10.1.2.3")

            for method in (
                "retrieve",
                "lookup",
                "items",
                "versions",
                "count",
                "score",
                "highlight",
            ):
                monkeypatch.setattr(engine._engine, method, gone)

        return go

    def test_the_last_good_answer_is_ranked_for_who_asks(
        self, shop: Shop, away: Callable[[], None]
    ) -> None:
        before = shop.search()
        others = shop.search("/search?query=shoes&user=u00004&size=100")
        away()
        for _ in range(5):  # also while the engine is not asked any more
            after = shop.search()
            assert after["hits"] == before["hits"]
            assert degraded(after) == [("retrieve", "stale"), ("items", "stale")]
            assert after["stale"] is True and before["stale"] is False
        again = shop.search("/search?query=shoes&user=u00004&size=100")
        assert [hit["id"] for hit in again["hits"]] == [hit["id"] for hit in others["hits"]]
        stranger = shop.search("/search?query=shoes&personalise=false&size=100")
        assert stranger["hits"][0]["item"]["title"]

    def test_what_is_not_known_is_a_clear_503(self, shop: Shop, away: Callable[[], None]) -> None:
        away()
        for _ in range(5):
            found = shop.problem("/search?query=never+asked+before")
            assert found["part"] == "engine"
            assert "10.1.2.3" not in str(found)

    def test_given_items_are_ranked_without_the_engine(
        self, shop: Shop, world: World, away: Callable[[], None]
    ) -> None:
        away()
        items = [item.id for item in world.items[:20]]
        for _ in range(5):
            response = shop.client.post("/rerank", json={"items": items, "user": "u00000"})
            found = response.get_json()
            assert degraded(found) == [("retrieve", "the engine gave no scores")]
            assert found["bundle"] and len(found["hits"]) > 5

    def test_a_page_of_the_shop_is_shown(self, shop: Shop, away: Callable[[], None]) -> None:
        address = "/?q=shoes&user=u00000"
        assert shop.client.get(address).status_code == 200
        away()
        response = shop.client.get(address)
        assert response.status_code == 200 and "card" in response.text


class TestLoad:
    @pytest.mark.parametrize(
        ("running", "share"), [(0, 1.0), (10, 1.0), (12, 0.5), (24, 0.25), (48, 0.0), (127, 0.0)]
    )
    def test_the_more_requests_the_less_is_reranked(
        self, shop: Shop, running: int, share: float
    ) -> None:
        shop.run.load._running = running
        assert shop.run.load.share == share
        found = shop.search()
        shed = [] if share == 1 else [("rank", "shed")]
        assert degraded(found) == shed and len(found["hits"]) == 5
        assert shop.run.load.requests == running

    def test_beyond_a_bound_requests_are_refused_and_probes_are_not(self, shop: Shop) -> None:
        shop.run.load._running = 128
        assert shop.problem()["part"] == "load"
        assert shop.client.get("/healthz").status_code == 200
        assert shop.client.get("/readyz").status_code == 200
        assert shop.run.load.requests == 128
        shop.run.load._running = 0
        assert degraded(shop.search()) == []

    def test_the_time_that_a_request_waited_counts(self, shop: Shop) -> None:
        shop.search()
        load = shop.run.load
        moment = [100.0]
        load._clock = lambda: moment[0]
        queued_s = load.queued()
        assert load.requests == 1
        moment[0] += 0.4
        load.begun(queued_s)
        assert load.requests == 0
        assert load.deadline("1000").left_s == pytest.approx(0.6)
        assert load.deadline("300").over
        load.goes_on()
        assert load.deadline("300").left_s == pytest.approx(0.3)

    def test_bounds_that_fall_are_refused(self) -> None:
        from search_rerank.config import parse_config

        with pytest.raises(ConfigError, match="shed_half"):
            parse_config({"service": {"shed_half": 30}})


def test_a_service_that_stops_is_not_ready_and_answers(shop: Shop) -> None:
    shop.run.load.stopping = True
    assert shop.problem("/readyz")["part"] == "stopping"
    assert degraded(shop.search()) == []
