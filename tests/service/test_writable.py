"""A service that can no longer store what it is told says so, and answers searches on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from search_rerank.answer import Degraded
from search_rerank.errors import StateError
from search_rerank.state.memory import MemoryState
from service import writable
from service.app import create_app
from service.writable import Writable
from tests.disks import fill_disk, small_disk
from tests.service.conftest import World

FULL = Degraded("disk", "it is full: items, rules and bundles cannot be changed")
REFUSED = Degraded("state", "it cannot be written: events are refused")


class Faulty(MemoryState):
    """A state whose disk does what a test says."""

    def __init__(self) -> None:
        super().__init__({})
        self.tries = 0
        self.error: Exception | None = None
        self.hangs: Event | None = None

    def check_writable(self) -> None:
        self.tries += 1
        if self.hangs is not None:
            self.hangs.wait()
        if self.error is not None:
            raise self.error


@pytest.fixture
def moment() -> list[float]:
    return [0.0]


@pytest.fixture
def state() -> Faulty:
    return Faulty()


@pytest.fixture
def found(state: Faulty, tmp_path: Path, moment: list[float]) -> Writable:
    return Writable(state, tmp_path / "home", lambda: moment[0])


def test_it_is_tried_every_five_seconds_and_every_second_where_it_fails(
    found: Writable, state: Faulty, moment: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    for moment[0], error, told, tries in (
        (0.0, None, [], 1),
        (4.9, StateError("/srv/shop: disk is full"), [], 1),
        (5.0, StateError("/srv/shop: disk is full"), [REFUSED], 2),
        (5.9, None, [REFUSED], 2),
        (6.0, None, [], 3),
    ):
        state.error = error
        assert list(found.degraded) == told
        assert state.tries == tries
    assert "/srv/shop: disk is full" in caplog.text


def test_nothing_is_left_in_the_folder(found: Writable, tmp_path: Path) -> None:
    assert list(found.degraded) == []
    assert os.listdir(tmp_path / "home") == []


def test_a_folder_that_cannot_be_written_is_told(found: Writable, tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    (told,) = found.degraded
    assert told.stage == "disk" and "cannot be changed" in told.reason


def test_who_asks_does_not_wait_for_a_disk_that_hangs(
    found: Writable, state: Faulty, moment: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writable, "_WAIT_S", 0.01)
    state.hangs = Event()
    try:
        assert list(found.degraded) == []
        moment[0] = 2.1
        for _ in range(3):
            (told,) = found.degraded
            assert told == Degraded("disk", "it takes long to write: events may be refused")
        assert state.tries == 1
    finally:
        state.hangs.set()
    monkeypatch.setattr(writable, "_WAIT_S", 30)
    assert list(found.degraded) == []


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Iterator[tuple[FlaskClient, Path]]:
    """A service on a disk with little room."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "disk", 32))
        home = disk / "home"
        shutil.copytree(world.config.home, home)
        app = create_app(world.config.model_copy(update={"home": home}), clock=lambda: world.now_ms)
        stack.callback(app.extensions["search_rerank"].close)
        yield app.test_client(), disk


@pytest.mark.slow
def test_a_full_disk_is_told_and_searches_are_answered(
    shop: tuple[FlaskClient, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writable, "_GOOD_S", 0.0)
    monkeypatch.setattr(writable, "_BAD_S", 0.0)
    monkeypatch.setattr(writable, "_WAIT_S", 30)
    client, disk = shop

    def ready() -> list[dict[str, Any]]:
        response = client.get("/readyz")
        assert response.status_code == 200
        told: list[dict[str, Any]] = response.get_json()["degraded"]
        return told

    def click() -> int:
        row = {"item": item, "type": "click", "session": "full"}
        rows = [row | {"query": f"{n} {'x' * 300}"} for n in range(100)]
        return client.post("/events", json=rows).status_code

    item = client.get("/search?query=shoes").get_json()["hits"][0]["id"]
    assert ready() == [] and click() == 202
    fill_disk(disk / "ballast")
    assert ready() == [
        {"stage": "state", "reason": REFUSED.reason},
        {"stage": "disk", "reason": FULL.reason},
    ]
    assert click() == 503
    found = client.get("/search?query=shoes&session=full").get_json()
    assert found["history"] == 50 and found["degraded"] == []
    numbers = client.get("/metrics").text
    # Not always the state: once its log begins anew, a little fits where a batch does not.
    assert 'search_rerank_impaired{stage="disk"} 1.0' in numbers
    assert "search_rerank_disk_free_bytes 0.0" in numbers
    (disk / "ballast").unlink()
    assert ready() == [] and click() == 202
    assert "search_rerank_impaired{" not in client.get("/metrics").text
