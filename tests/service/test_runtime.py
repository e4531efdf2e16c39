from __future__ import annotations

import pytest

from search_rerank.pipeline import Pipeline
from service import runtime
from service.runtime import Runtime
from tests.service.conftest import World


def test_a_new_bundle_is_looked_for_however_busy_the_worker_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments, looked = [100.0], []
    monkeypatch.setattr(runtime.time, "monotonic", lambda: moments[-1])
    monkeypatch.setattr(Pipeline, "reload_if_changed", lambda _: looked.append(moments[-1]))
    run = Runtime(world.config)
    for n in range(41):
        moments.append(100.0 + n / 10)
        with run.pipeline():
            pass
    run.close()
    assert looked[0] == 100.0  # as it opens
    assert 3 <= len(looked[1:]) <= 4
