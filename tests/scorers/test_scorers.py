"""Each scorer: the contract, and what only it promises."""

import numpy as np
import pytest

from search_rerank.data.history import History
from search_rerank.errors import ConfigError
from search_rerank.scorers import create
from tests.scorers.contract import ALL, ScorerContract
from tests.scorers.worlds import DAY_MS, NOW_MS, catalogue, click, log


class TestPopularity(ScorerContract):
    name = "popularity"
    how = "updated"
    personal = False
    needs_events = False

    def test_an_interaction_counts_half_after_the_half_life(self) -> None:
        events = log(
            [click("a", 1, NOW_MS - 10 * DAY_MS, "purchase"), click("b", 2, NOW_MS - 20 * DAY_MS)]
        )
        scorer = create("popularity", {"half_life_days": 10}).fit(
            events, catalogue(), now_ms=NOW_MS
        )
        scores = scorer.score(History.empty(NOW_MS), ALL)
        np.testing.assert_allclose(scores[1], np.log1p(3 * 0.5), rtol=1e-6)
        np.testing.assert_allclose(scores[2], np.log1p(1 * 0.25), rtol=1e-6)
        assert scores[3] == 0

    def test_gains_by_type(self) -> None:
        events = log([click("a", 1, NOW_MS - 1), click("a", 2, NOW_MS - 1, "wish")])
        scores = self.fitted(events, gains={"wish": 4.0}).score(History.empty(NOW_MS), ALL)
        np.testing.assert_allclose(scores[[1, 2]], [0, np.log1p(4)], rtol=1e-6)

    def test_half_life_must_be_above_zero(self) -> None:
        with pytest.raises(ConfigError, match=r"half_life_days: expected above 0, found 0"):
            create("popularity", {"half_life_days": 0})


class TestAls(ScorerContract):
    name = "als"
    options = {"dim": 4, "reg": 0.1}
    how = "updated"
    # Enough of both that refits with different seeds are alike, too.
    update_options = {"reg": 10.0, "epochs": 40}
    near = 0.05

    def test_fold_in_solves_the_normal_equations(self) -> None:
        scorer = self.fitted(alpha=2.0, decay=1.0)
        Y = np.float64(scorer.arrays()["factors"])
        # Item 2 twice: confidence 1 + 2 * 2; item 0 once: 1 + 2 * 1.
        confidence = np.ones(len(Y))
        confidence[[2, 0]] = 1 + 2 * 2, 1 + 2 * 1
        wanted = np.zeros(len(Y))
        wanted[[2, 0]] = 1
        left = Y.T @ (confidence[:, None] * Y) + 0.1 * np.eye(4)
        expected = Y @ np.linalg.solve(left, Y.T @ (confidence * wanted))
        scores = scorer.score(History.of([2, 0, 2]), ALL)[:18]
        np.testing.assert_allclose(scores, expected[:18], atol=1e-4)

    def test_another_seed_gives_other_factors(self) -> None:
        factors = [self.fitted(seed=seed).arrays()["factors"] for seed in (0, 1)]
        assert not np.array_equal(*factors)

    def test_reg_must_be_above_zero(self) -> None:
        with pytest.raises(ConfigError, match=r"als: reg: expected above 0, found 0"):
            create("als", {"reg": 0})


class TestUserKnn(ScorerContract):
    name = "user_knn"

    def test_similarity_times_what_the_neighbours_had(self) -> None:
        rows = [("a", 0), ("a", 4), ("b", 0), ("b", 2), ("b", 6), ("c", 8)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        scorer = self.fitted(events, rarity=0, half_life_days=0, decay=1.0)
        scores = scorer.score(History.of([0]), ALL)
        # a has two items, b three: of unit length each holds 1 / sqrt(n) of every one.
        np.testing.assert_allclose(scores[[4, 2, 8]], [1 / 2, 1 / 3, 0], rtol=1e-6)

    def test_only_the_nearest_count(self) -> None:
        rows = [("a", 0), ("a", 4), ("b", 0), ("b", 2), ("b", 6)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        scores = self.fitted(events, neighbours=1).score(History.of([0]), ALL)
        assert scores[4] > 0
        assert scores[2] == 0

    def test_keeps_a_bounded_number_of_actors(self) -> None:
        rows = [("a", 0), ("b", 0), ("b", 2), ("b", 6)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        assert self.fitted(events, actors=1).arrays()["row"].max() == 0
        assert self.fitted(events, max_items=1).arrays()["row"].tolist() == [0, 1]


class TestCoOccurrence(ScorerContract):
    name = "co_occurrence"
    how = "updated"

    def test_what_comes_after_counts_by_distance(self) -> None:
        events = log([click("a", item, NOW_MS - 10 + n) for n, item in enumerate([0, 2, 4])])
        scorer = self.fitted(events, half_life_days=0, backward=0.25)
        forward = scorer.score(History.of([0]), ALL)
        np.testing.assert_allclose(forward[[2, 4]], [1, 1 / 2])
        np.testing.assert_allclose(scorer.score(History.of([4]), ALL)[[2, 0]], [1 / 4, 1 / 8])
        near = self.fitted(events, half_life_days=0, window=1).score(History.of([0]), ALL)
        assert near[4] == 0

    def test_the_last_item_of_the_history_counts_most(self) -> None:
        events = log(
            [click("a", item, NOW_MS - 10 + n) for n, item in enumerate([0, 4])]
            + [click("b", item, NOW_MS - 10 + n) for n, item in enumerate([2, 4])]
        )
        scorer = self.fitted(events, half_life_days=0, decay=0.5)
        assert scorer.score(History.of([0, 2]), ALL)[4] == 0.5 * 1 + 1

    def test_demand_tells_apart_what_never_came_after(self) -> None:
        events = log(
            [click("a", item, NOW_MS - 10 + n) for n, item in enumerate([0, 4])]
            + [click(user, item, NOW_MS - 5) for user, item in (("b", 6), ("c", 6), ("d", 8))]
        )
        scorer = self.fitted(events, half_life_days=0, prior=0.25, decay=0.5)
        # The history weighs 1 + .5; item 4 came after item 0 once.
        wanted = [0.5 * 1 + 0.25 * 1.5 * 1, 0.25 * 1.5 * 2]
        np.testing.assert_allclose(scorer.score(History.of([0, 8]), ALL)[[4, 6]], wanted)

    def test_a_popular_follower_can_count_less(self) -> None:
        events = log([click("a", item, NOW_MS - 10 + n) for n, item in enumerate([0, 4, 4, 4])])
        plain, less = (
            self.fitted(events, half_life_days=0, popularity=power).score(History.of([0]), ALL)[4]
            for power in (0, 1)
        )
        assert less == pytest.approx(plain / 3)


class TestGraphFilter(ScorerContract):
    name = "graph_filter"
    options = {"dim": 2}

    @pytest.mark.parametrize("powers", [(0.5, 1.0, 0.5, 0.5), (0.4, 0.7, 0.2, 0.3)])
    def test_equals_the_formula(self, powers: tuple[float, float, float, float]) -> None:
        rng = np.random.default_rng(3)
        R = (rng.random((9, 8)) < 0.5).astype(float)
        R[:, 0] = 1
        rows = [(f"s{u}", i) for u in range(9) for i in range(8) if R[u, i]]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        degree = R.sum(axis=0)
        of_actor = R.sum(axis=1)
        past, actor, candidate, item = powers
        P = (
            degree[:, None] ** -past
            * (R.T @ (of_actor[:, None] ** -actor * R))
            * degree**-candidate
        )
        scaled = of_actor[:, None] ** (-actor / 2) * R * degree**-item
        U = np.linalg.svd(scaled)[2][:2].T
        low = np.diag(degree**-item) @ U @ U.T @ np.diag(degree**item)
        np.fill_diagonal(P, 0)  # an item is not its own neighbour
        expected = (P + 0.3 * low)[[1, 2]].sum(axis=0)
        names = ("history_power", "actor_power", "candidate_power", "item_power")
        chosen = dict(zip(names, powers, strict=True))
        scorer = self.fitted(events, half_life_days=0, decay=1.0, **chosen)
        np.testing.assert_allclose(scorer.score(History.of([1, 2]), ALL)[:8], expected, atol=1e-5)


class TestBpr(ScorerContract):
    name = "bpr"
    options = {"dim": 4}

    def test_another_seed_gives_other_factors(self) -> None:
        factors = [self.fitted(seed=seed).arrays()["factors"] for seed in (0, 1)]
        assert not np.array_equal(*factors)

    def test_popularity_is_given_back_as_a_logarithm(self) -> None:
        rows = [("a", 0), ("a", 0), ("b", 0), ("c", 0), ("a", 2), ("b", 4)]
        events = log([click(user, item, NOW_MS - 1) for user, item in rows])
        without, given = (
            self.fitted(events, popularity=power).arrays()["factors"] for power in (0.0, 0.5)
        )
        # Item 0 was had by three, the others by one each.
        np.testing.assert_allclose((given - without)[[0, 2, 4], -1], [0.5 * np.log(3), 0, 0])
        np.testing.assert_array_equal(given[:, :-1], without[:, :-1])


class TestLogisticMf(ScorerContract):
    name = "logistic_mf"
    options = {"dim": 4, "negatives": 3}  # of 18 items a shopper has 6


class TestAffinity(ScorerContract):
    name = "affinity"
    how = "updated"
    needs_events = False

    def test_naive_bayes_of_one_attribute(self) -> None:
        # Half of the items (evens) are of brand even; the last has none.
        events = log([click("a", 0, NOW_MS - 1), click("a", 1, NOW_MS - 1)])
        scores = self.fitted(events, smoothing=2.0, decay=1.0).score(History.of([0, 2, 1]), ALL)
        even = (1 + 0.1 * 10) / (2 + 0.1 * 19)
        expected = np.log((2 + 2.0 * even) / ((3 + 2.0) * even))
        np.testing.assert_allclose(scores[4], expected, rtol=1e-5)

    def test_item_without_attributes_has_no_opinion(self) -> None:
        assert np.isnan(self.score([0])[-1])
        assert np.isnan(self.score([len(ALL) - 1])).all()


class TestTrend(ScorerContract):
    name = "trend"
    how = "updated"
    personal = False
    needs_events = False

    def test_steady_demand_is_no_trend(self) -> None:
        rows = [click("a", 1, NOW_MS - day * DAY_MS) for day in range(1, 400)]
        rows += [click("b", 2, NOW_MS - day * DAY_MS) for day in range(1, 8)]
        rows += [click("c", 3, NOW_MS - day * DAY_MS) for day in range(30, 60)]
        scores = self.fitted(log(rows)).score(History.empty(NOW_MS), ALL)
        assert abs(scores[1]) < 0.05
        assert scores[2] > 0.5
        assert scores[3] < -0.3
        assert scores[4] == 0


class TestContent(ScorerContract):
    name = "content"
    how = "updated"
    needs_events = False

    def test_cosine_of_the_decayed_mean(self) -> None:
        vectors = catalogue().vectors.astype(np.float64)
        centre = 0.5 * 2.0 * vectors[0] + vectors[1]
        history = History.of([0, 1], weight=[2.0, 1.0])
        scores = self.fitted(decay=0.5).score(history, ALL[:2])
        expected = vectors[:2] @ centre / np.linalg.norm(centre)
        np.testing.assert_allclose(scores, expected, rtol=1e-5)

    def test_item_without_vector_has_no_opinion(self) -> None:
        assert np.isnan(self.score([0])[-1])
        assert np.isnan(self.score([len(ALL) - 1])).all()
