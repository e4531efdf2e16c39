"""Scorers that learn to find part of a history from the rest of it, pooled."""

from __future__ import annotations

import numpy as np
import pytest

from search_rerank.data.history import History
from tests.scorers.contract import ALL, ScorerContract
from tests.scorers.worlds import NOW_MS

SMALL: dict[str, object] = {
    "dim": 4,
    "epochs": 30,
    "patience": 0,
    "learning_rate": 0.1,
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

    def test_another_seed_gives_other_vectors(self) -> None:
        first, second = (self.fitted(seed=seed, epochs=1).arrays()["factors"] for seed in (0, 1))
        assert not np.array_equal(first, second)


class TestNeuralMf(PooledContract):
    name = "neural_mf"
    options = SMALL


class TestNeuralCf(PooledContract):
    name = "neural_cf"
    options = {**SMALL, "hidden": 6}
