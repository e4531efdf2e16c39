"""The position bias of a log, from training to the bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search_rerank.bundle import load_bundle, save_bundle
from search_rerank.config import LabelsConfig
from search_rerank.training import cuts, propensities
from tests.spine.world import World


def test_a_bundle_keeps_the_position_bias_that_was_corrected(world: World, tmp_path: Path) -> None:
    kept = world.bundle().propensities
    assert kept is not None and kept.method == "harvesting"
    examined = world.made.truth.examination[: len(kept.values)]
    assert kept.values == pytest.approx(examined, rel=0.25)  # of some 2,000 rankings
    assert kept.of(np.array([-1, 0])).tolist()[1] == 1.0
    told = kept.line()
    assert told.startswith("position bias by harvesting from ") and "place 1: 1.00, 2: 0." in told
    without = replace(world.bundle(), propensities=None)
    assert load_bundle(tmp_path / save_bundle(without, tmp_path)).propensities is None


def test_the_bias_is_estimated_of_what_came_before_the_test(world: World) -> None:
    with world.ready() as shop:
        end_ms = cuts(shop.events, shop.config.training).test
        found = propensities(shop, end_ms)
        assert found == propensities(shop, end_ms)
        shown = [event for event in world.made.events if event.event == "ranking"]
        assert found is not None
        assert found.rankings == sum(one.time_ms < end_ms for one in shown)
        left = shop.config.model_copy(update={"labels": LabelsConfig(bias="none")})
        assert propensities(replace(shop, config=left), end_ms) is None
