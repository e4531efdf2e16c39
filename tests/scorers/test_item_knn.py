"""Item-item neighbours under each weighting."""

import numpy as np
import pytest

from search_rerank.data.history import History
from search_rerank.errors import ConfigError
from search_rerank.scorers import create
from tests.scorers.contract import ALL, ScorerContract
from tests.scorers.worlds import DAY_MS, NOW_MS, click, log


class TestItemKnnBm25(ScorerContract):
    name = "item_knn"
    options = {"weighting": "bm25"}


class TestItemKnnCosine(ScorerContract):
    name = "item_knn"
    options = {"weighting": "cosine"}

    def test_cosine_of_columns(self) -> None:
        # Item 0 has shoppers a, b; item 2 has b, c, d: one in common.
        rows = [("a", 0), ("b", 0), ("b", 2), ("c", 2), ("d", 2)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        history, item = History.of([0]), np.array([2], dtype=np.int32)
        plain = self.fitted(events).score(history, item)[0]
        np.testing.assert_allclose(plain, 1 / np.sqrt(2 * 3), rtol=1e-6)
        shrunk = self.fitted(events, shrink=3).score(history, item)[0]
        np.testing.assert_allclose(shrunk, plain * 1 / (1 + 3), rtol=1e-6)
        # The only shopper in common, b, has two interactions.
        weakened = self.fitted(events, actor_power=0.7).score(history, item)[0]
        np.testing.assert_allclose(weakened, plain * 2**-0.7, rtol=1e-6)
        halved = self.fitted(events, cosine_power=0.5).score(history, item)[0]
        np.testing.assert_allclose(halved, 1 / (2 * 3) ** 0.25, rtol=1e-6)


class TestItemKnnOfBusyActors(ScorerContract):
    name = "item_knn"
    options = {"weighting": "cosine", "cosine_power": 0.8, "actor_power": 0.7}

    @pytest.mark.parametrize("power", ["actor_power", "cosine_power"])
    def test_powers_are_not_negative(self, power: str) -> None:
        with pytest.raises(ConfigError, match=rf"{power}.*0 or more"):
            create("item_knn", {power: -0.1})


class TestItemKnnCounts(ScorerContract):
    name = "item_knn"
    options = {"weighting": "none", "half_life_days": 0}
    update_options = {"half_life_days": 3.0}
    how = "updated"

    def test_decayed_sum_over_the_history(self) -> None:
        rows = [("a", 0), ("a", 4), ("b", 0), ("b", 4), ("c", 2), ("c", 4)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        history = History.of([0, 2], weight=[3.0, 1.0])
        score = self.fitted(events, decay=0.5).score(history, np.array([4], dtype=np.int32))[0]
        assert score == 3.0 * 0.5 * 2 + 1.0 * 1

    def test_old_interactions_fade(self) -> None:
        events = log([click("a", item, NOW_MS - 10 * DAY_MS) for item in (0, 4)])
        scorer = self.fitted(events, half_life_days=10)
        # Both interactions are half of what they were.
        assert scorer.score(History.of([0]), ALL)[4] == pytest.approx(0.5 * 0.5)

    def test_very_old_interactions_are_still_known(self) -> None:
        events = log([click("a", item, 10**11) for item in (0, 4)])
        assert self.fitted(events, half_life_days=1).score(History.of([0]), ALL)[4] > 0

    def test_keeps_the_nearest_neighbours_only(self) -> None:
        rows = [("a", 0), ("a", 2), ("a", 4), ("b", 0), ("b", 4), ("c", 0), ("c", 6)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        scores = self.fitted(events, neighbours=1).score(History.of([0]), ALL)
        # Item 0 is most like itself, which does not count.
        assert (scores[0], scores[4], scores[2], scores[6]) == (0, 2, 0, 0)

    @pytest.mark.parametrize("neighbours", [len(ALL) + 1, 2**31 - 1])
    def test_more_neighbours_than_items_are_all_of_them(self, neighbours: int) -> None:
        history = History.of([0, 2])
        np.testing.assert_array_equal(
            self.fitted(neighbours=neighbours).score(history, ALL),
            self.fitted(neighbours=len(ALL)).score(history, ALL),
        )

    def test_weighting_must_be_known(self) -> None:
        with pytest.raises(ConfigError, match=r"one of bm25, cosine, none, found 'tf'"):
            create("item_knn", {"weighting": "tf"})
