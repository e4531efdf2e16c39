"""The service keeps its state in shape beside the requests."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from pathlib import Path

import pytest

from search_rerank.data.event import Interaction
from service import runtime
from service.app import create_app
from tests.service.conftest import World


@pytest.mark.slow
def test_the_log_is_sealed_while_the_service_runs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_UPKEEP_EVERY_S", 0.01)
    state = world.config.state.model_copy(update={"log_segment_events": 100})
    home = tmp_path / "home"
    shutil.copytree(world.config.home, home)
    config = world.config.model_copy(update={"home": home, "state": state})
    run = create_app(config, clock=lambda: world.now_ms).extensions["search_rerank"]
    with closing(run):
        item = world.items[0].id
        for n in range(100):
            told = Interaction(id=f"k{n}", user="keeper", item=item, type="click", time_ms=n)
            assert run.state.append([told]) == 1
        with run.pipeline():
            until = time.monotonic() + 30
            while not list((config.home / "event_log").glob("*.zst")):
                assert time.monotonic() < until, "nothing was sealed"
                time.sleep(0.01)
        assert len(run.state.history("keeper", None, 200)) == 100
