"""The tastes planted in the generated shop are recovered: each scorer against the true utility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import rankdata

from search_rerank.data.catalogue import Catalogue
from search_rerank.data.event import GAINS
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.data.shop import END_MS, generate
from search_rerank.encoders.hashing import HashingEncoder
from search_rerank.scorers import SCORERS, create
from search_rerank.scorers.base import Scorer

FLOORS: Mapping[str, float] = {
    "popularity": 0.33,
    "item_knn": 0.38,
    "als": 0.47,
    "content": 0.32,
    "user_knn": 0.42,
    "co_occurrence": 0.37,
    "graph_filter": 0.39,
    "bpr": 0.33,
    "logistic_mf": 0.28,
    "affinity": 0.42,
    "trend": 0.06,
    "cross_category": 0.34,
    "category_popularity": 0.33,
    "click_rate": 0.26,
    "neural_mf": 0.30,
    "neural_cf": 0.20,
    "sequence": 0.32,
}
"""What each scorer must reach with its defaults: what it reached less .03 to .05, and .07 where it
is trained by torch, whose sums differ from machine to machine."""
NEED_TORCH = frozenset({"neural_mf", "neural_cf", "sequence"})
LEAST = 10
"""Items of a category, below which an order says little."""


@dataclass(frozen=True)
class Tastes:
    """A generated shop as scorers see it, and what some of its shoppers truly like.

    Parameters
    ----------
    histories, utilities
        One a shopper; the worth of every item to them, float32 (n,).
    """

    events: Events
    catalogue: Catalogue
    histories: Sequence[History]
    utilities: Sequence[NDArray[np.float32]]

    def recovered(self, scorer: Scorer) -> float:
        """Return Spearman's correlation of scores and utility, in the categories of a history.

        Over the items of one category, as the candidates of a query are: the mean over the
        categories of each shopper's history, then over shoppers. What a shopper needs (shoes, not
        lamps) is no part of utility, and an order over the whole catalogue would mostly tell that.
        """
        items = np.arange(len(self.catalogue), dtype=np.int32)
        leaf, means = self.catalogue.leaf, []
        for history, utility in zip(self.histories, self.utilities, strict=True):
            scores = scorer.score(history, items)
            found = []
            for category in np.unique(leaf[history.items]):
                of = (leaf == category) & ~np.isnan(scores)
                if of.sum() >= LEAST:
                    found.append(spearman(scores[of], utility[of]))
            if found:
                means.append(np.mean(found))
        assert len(means) > 0.9 * len(self.histories)
        return float(np.mean(means))


def spearman(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Return the rank correlation, 0 where one of both is constant: it tells nothing apart."""
    a, b = (rankdata(values) - (len(values) + 1) / 2 for values in (one, other))
    return float(a @ b / max(float(np.sqrt((a @ a) * (b @ b))), 1e-12))


@pytest.fixture(scope="module")
def tastes() -> Tastes:
    shop = generate(seed=3, products=1500, shoppers=500, events=60_000)
    texts = [item.text() for item in shop.items]
    encoder = HashingEncoder.fit(texts, 128, 0)
    catalogue = Catalogue.from_items(shop.items, encoder.encode(texts))
    events = Events.from_events(shop.events, catalogue.ids)
    weight = events.weights(dict(GAINS))
    histories: list[History] = []
    utilities: list[NDArray[np.float32]] = []
    for number, user in enumerate(events.users.ids()):
        rows = np.flatnonzero(events.user == number)[-50:]
        if len(rows) >= 20 and len(histories) < 150:
            histories.append(
                History.of(events.item[rows], END_MS, events.time_ms[rows], weight[rows])
            )
            utilities.append(shop.truth.utility(user))
    assert catalogue.ids.ids() == shop.truth.item_ids.tolist()
    return Tastes(events, catalogue, histories, utilities)


def fitted(name: str, tastes: Tastes, **options: Any) -> Scorer:
    return create(name, options).fit(tastes.events, tastes.catalogue, now_ms=END_MS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOORS)
def test_tastes_are_recovered(tastes: Tastes, name: str) -> None:
    if name in NEED_TORCH and find_spec("torch") is None:
        pytest.skip("torch is not installed")
    assert tastes.recovered(fitted(name, tastes)) >= FLOORS[name]


@pytest.mark.slow
def test_a_history_of_somebody_else_tells_less(tastes: Tastes) -> None:
    """The measure sees taste, not what everybody likes."""
    others = [*tastes.utilities[1:], tastes.utilities[0]]
    mixed = Tastes(tastes.events, tastes.catalogue, tastes.histories, others)
    scorer = fitted("affinity", tastes)
    assert mixed.recovered(scorer) < 0.5 * tastes.recovered(scorer)


def test_every_scorer_has_a_floor() -> None:
    assert set(FLOORS) == set(SCORERS)


def test_spearman() -> None:
    assert spearman(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == pytest.approx(1)
    assert spearman(np.array([3.0, 2, 1]), np.array([10.0, 20, 30])) == pytest.approx(-1)
    # Places 1, 2.5, 2.5 against 1, 2, 3, each less the mean 2: 1.5 / sqrt(1.5 * 2).
    assert spearman(np.array([1.0, 2, 2]), np.array([1.0, 2, 3])) == pytest.approx(
        1.5 / np.sqrt(1.5 * 2)
    )
    assert spearman(np.ones(3), np.array([1.0, 2, 3])) == 0
