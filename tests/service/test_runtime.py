from __future__ import annotations

import logging
from threading import Event
from types import SimpleNamespace

import pytest

from search_rerank.errors import BundleError
from service import runtime
from service.repeating import Repeating
from service.runtime import Runtime
from tests.service.conftest import World


def test_loading_a_bundle_holds_up_no_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading, loaded, served = Event(), Event(), Event()

    def load() -> None:
        loading.set()
        assert served.wait(30)
        loaded.set()

    monkeypatch.setattr(runtime, "_CHECK_EVERY_S", 0.001)
    run = Runtime(world.config)
    with run.pipeline() as pipeline:
        monkeypatch.setattr(pipeline, "_following", SimpleNamespace(reload_if_changed=load))
    assert loading.wait(30)
    with run.pipeline():
        assert not loaded.is_set()
    served.set()
    run.close()
    assert loaded.is_set()


def test_what_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    calls, done = [], Event()

    def call() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise BundleError("the live one is damaged")
        done.set()

    with caplog.at_level(logging.ERROR):
        repeating = Repeating(call, 0.001)
        assert done.wait(30)
        repeating.close()
    assert "BundleError: the live one is damaged" in caplog.text
    n = len(calls)
    assert not repeating._thread.is_alive() and len(calls) == n
