"""A cross-encoder as last stage: learnt in training, asked in service about the first ten."""

from __future__ import annotations

from dataclasses import replace

import pytest

import search_rerank.features.late
import search_rerank.training
from search_rerank.config.training import StageConfig
from search_rerank.fusion.cascade import BEFORE, Cascade
from search_rerank.fusion.selection import Selection
from search_rerank.fusion.weighted import Weighted
from search_rerank.pipeline import Pipeline
from search_rerank.training import make_bundle, train
from tests.features.test_late import Counting
from tests.spine.world import World

STAGES = (
    StageConfig(fusion="weighted"),
    StageConfig(fusion="lambdamart", size=50),
    StageConfig(fusion="weighted", size=10, late=("cross_encoder",)),
)


@pytest.mark.slow
def test_the_first_ten_are_read_in_training_and_in_service(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = Counting()
    for module in (search_rerank.features.late, search_rerank.training):
        monkeypatch.setattr(module, "load_cross_encoder", lambda model: pairs)
    settings = {"stages": STAGES, "cross_encoder": "a model", "trees": 3, "max_rankings": 40}
    with world.ready(**settings) as shop:
        bundle = replace(make_bundle(shop, train(shop)), selections={"": Selection("cascade")})
    cascade = bundle.ranker
    assert isinstance(cascade, Cascade)
    last = cascade.stages[-1].fusion
    assert isinstance(last, Weighted) and last.columns == (BEFORE, "cross_encoder")
    asked = [len(texts) for _, texts in pairs.asked]
    assert max(asked) == 10 and len(asked) >= 40

    pairs.asked.clear()
    with world.engine() as engine:
        pipeline = Pipeline(world.config, engine, world.state(), bundle)
        answer = pipeline.search(world.query("shoes", "u00000"))
        browsed = pipeline.search(world.query("", "u00000"))
    assert answer.degraded == [] and browsed.degraded == []
    ((query, texts),) = pairs.asked  # nothing was typed the second time
    assert query == "shoes" and len(texts) == 10
