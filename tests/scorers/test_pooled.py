"""Scorers that learn to find part of a history from the rest of it, pooled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from search_rerank.data.history import History
from search_rerank.errors import ConfigError, MissingExtra
from search_rerank.scorers import create
from tests.scorers.contract import ALL, ScorerContract
from tests.scorers.worlds import NOW_MS, checkerboard

pytestmark = pytest.mark.slow

SMALL: dict[str, object] = {
    "dim": 4,
    "epochs": 10,
    "patience": 0,
    "learning_rate": 0.05,
    "batch": 4,
    "ordered": False,
    "negatives": 0,
    "device": "cpu",
}


def needs_torch() -> None:
    pytest.importorskip(
        "torch", reason="needs torch: pip install 'search-rerank[torch]'", exc_type=ImportError
    )


class PooledContract(ScorerContract):
    """What the two have in common beside the contract."""

    how = "kept"

    @pytest.fixture(autouse=True)
    def torch(self) -> None:
        needs_torch()

    @pytest.mark.parametrize("ordered", [True, False])
    def test_learns_with_drawn_items_and_patience(self, ordered: bool) -> None:
        scorer = self.fitted(negatives=3, patience=5, ordered=ordered)
        scores = scorer.score(History.of([0, 2], now_ms=NOW_MS), ALL)
        assert scores[4:18:2].mean() > scores[1:18:2].mean()

    def test_first_bias_is_of_the_number_of_interactions(self) -> None:
        options = {"epochs": 1, "learning_rate": 1e-9, "popularity": 0.5}
        factors = self.fitted(**options).arrays()["factors"]
        events = checkerboard()
        count = np.bincount(events.item, minlength=len(ALL))
        np.testing.assert_allclose(factors[:18, -1], 0.5 * np.log(count[:18]), atol=1e-5)
        assert not factors[18:].any()

    @pytest.mark.parametrize(
        ("option", "value", "expected"),
        [
            ("dim", 0, "1 or more"),
            ("patience", -1, "0 or more"),
            ("learning_rate", 0.0, "above 0"),
            ("decay", 1.5, "above 0 and at most 1"),
            ("device", "gpu", "one of auto, cpu, cuda"),
        ],
    )
    def test_options_out_of_range(self, option: str, value: object, expected: str) -> None:
        with pytest.raises(ConfigError, match=f"{self.name}: {option}: expected {expected}, found"):
            create(self.name, {option: value})

    def test_without_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("search_rerank.neural.extra.find_spec", lambda _: None)
        with pytest.raises(MissingExtra, match=rf"{self.name} needs the extra 'torch'.*pip"):
            self.fitted()

    def test_another_seed_gives_other_vectors(self) -> None:
        first, second = (self.fitted(seed=seed, epochs=1).arrays()["factors"] for seed in (0, 1))
        assert not np.array_equal(first, second)


class TestNeuralMf(PooledContract):
    name = "neural_mf"
    options = SMALL

    def test_product_of_the_pooled_history_and_the_item(self) -> None:
        scorer = self.fitted(decay=0.5)
        arrays = {name: np.float64(array) for name, array in scorer.arrays().items()}
        shopper = 0.5 * 3.0 * arrays["pooled"][0] + arrays["pooled"][2]
        shopper /= np.linalg.norm(shopper)
        expected = arrays["factors"][:18, :-1] @ shopper + arrays["factors"][:18, -1]
        history = History.of([0, 2], now_ms=NOW_MS, weight=[3.0, 1.0])
        np.testing.assert_allclose(scorer.score(history, ALL)[:18], expected, rtol=1e-4, atol=1e-5)


class TestNeuralCf(PooledContract):
    name = "neural_cf"
    options = {**SMALL, "hidden": 6}

    def test_scores_are_the_logits_that_torch_learnt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import torch

        from search_rerank.neural import cf
        from search_rerank.neural.pooled import Pooled

        made = []

        class Kept(cf.Towers):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                made.append(self)

        monkeypatch.setattr(cf, "Towers", Kept)
        scorer = self.fitted(decay=0.5)
        (model,) = made
        had = Pooled(torch.tensor([0, 2]), torch.tensor([0]), torch.tensor([0.5, 1.0]))
        with torch.no_grad():
            expected = model(had, torch.arange(18))[0].numpy()
        assert np.abs(model.last.weight.detach().numpy()).max() > 0.01
        scores = scorer.score(History.of([0, 2], now_ms=NOW_MS), ALL)
        np.testing.assert_allclose(scores[:18], expected, rtol=1e-4, atol=1e-5)
