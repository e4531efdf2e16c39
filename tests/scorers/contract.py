"""What every scorer must do; a new scorer's test inherits it and names itself."""

from pathlib import Path

import numpy as np
import pytest

from search_rerank.arrays import read_tensors, write_tensors
from search_rerank.data.events import Events
from search_rerank.data.history import History
from search_rerank.errors import BundleError, ConfigError
from search_rerank.scorers import create, restore
from search_rerank.scorers.base import Representation, Scorer
from tests.scorers.contract_update import UpdateContract
from tests.scorers.worlds import N_ITEMS, NOW_MS, UNSOLD, catalogue, checkerboard, nothing

ALL = np.arange(N_ITEMS, dtype=np.int32)


class ScorerContract(UpdateContract):
    name: str
    options: dict[str, object] = {}
    personal = True
    """Whether the history matters."""
    needs_events = True
    """Whether an item without events is unknown."""

    def fitted(self, events: Events | None = None, **options: object) -> Scorer:
        scorer = create(self.name, {**self.options, **options})
        world = checkerboard() if events is None else events
        return scorer.fit(world, catalogue(), now_ms=NOW_MS)

    def score(self, history: list[int], items: np.ndarray = ALL) -> np.ndarray:
        return self.fitted().score(History.of(history, now_ms=NOW_MS), items)

    def test_one_float32_an_item(self) -> None:
        scores = self.score([0, 2])
        assert scores.dtype == np.float32
        assert scores.shape == (N_ITEMS,)
        assert np.isfinite(scores[:UNSOLD]).all()
        assert self.score([0, 2], ALL[:0]).shape == (0,)

    def test_unknown_numbers_have_no_opinion(self) -> None:
        scores = self.score([0, 2], np.array([-1, 4, N_ITEMS, 10**6, -5], dtype=np.int32))
        assert np.isnan(scores).tolist() == [True, False, True, True, True]

    def test_item_without_events(self) -> None:
        assert np.isnan(self.score([0, 2])[UNSOLD]) == self.needs_events

    @pytest.mark.parametrize("history", [[], [-1], [N_ITEMS], [-1, N_ITEMS + 5]])
    def test_history_that_says_nothing(self, history: list[int]) -> None:
        assert np.isnan(self.score(history)[:UNSOLD]).all() == self.personal

    def test_unknown_items_of_the_history_change_nothing(self) -> None:
        np.testing.assert_array_equal(
            self.score([-1, 0, N_ITEMS, 2, -1]), self.score([0, 2]), strict=True
        )

    def test_interactions_without_weight_change_nothing(self) -> None:
        weighted = History.of([0, 3, 2], now_ms=NOW_MS, weight=[1.0, 0.0, 1.0])
        np.testing.assert_array_equal(self.fitted().score(weighted, ALL), self.score([0, 2]))

    def test_long_history(self) -> None:
        scores = self.score(list(np.resize(np.arange(0, UNSOLD, 2), 10_000)))
        assert np.isfinite(scores[:UNSOLD]).all()

    def test_repeated_items(self) -> None:
        assert np.isfinite(self.score([2, 2, 2, 0, 2])[:UNSOLD]).all()

    def test_repeated_candidates_score_alike(self) -> None:
        scores = self.score([0, 2], np.array([4, 6, 4, 4], dtype=np.int32))
        assert scores[0] == scores[2] == scores[3]

    def test_order_of_rows_is_irrelevant(self) -> None:
        order = np.random.default_rng(1).permutation(N_ITEMS)
        np.testing.assert_allclose(
            self.score([0, 2], ALL[order]), self.score([0, 2])[order], rtol=1e-5
        )

    def test_batch_equals_single(self) -> None:
        scorer, history = self.fitted(), History.of([0, 2], now_ms=NOW_MS)
        single = np.concatenate([scorer.score(history, ALL[n : n + 1]) for n in range(N_ITEMS)])
        np.testing.assert_allclose(single, scorer.score(history, ALL), rtol=1e-5)

    def test_round_trip_through_a_file(self, tmp_path: Path) -> None:
        scorer, file = self.fitted(), tmp_path / "arrays.safetensors"
        write_tensors(file, scorer.arrays())
        again = restore(self.name, scorer.options(), read_tensors(file))
        history = History.of([0, 2, 4], now_ms=NOW_MS)
        np.testing.assert_array_equal(again.score(history, ALL), scorer.score(history, ALL))
        assert again.options() == scorer.options()

    def test_missing_array_is_refused(self) -> None:
        with pytest.raises(BundleError, match=f"{self.name}: expected the arrays"):
            restore(self.name, self.options, {})

    def test_array_of_another_type_is_refused(self) -> None:
        arrays = {name: array[None].astype("c8") for name, array in self.fitted().arrays().items()}
        with pytest.raises(BundleError, match=r"train the bundle again"):
            restore(self.name, self.options, arrays)

    def test_same_seed_same_bytes(self) -> None:
        first, second = self.fitted().arrays(), self.fitted().arrays()
        assert {k: v.tobytes() for k, v in first.items()} == {
            k: v.tobytes() for k, v in second.items()
        }

    def test_holds_no_shopper(self) -> None:
        arrays = self.fitted().arrays()
        assert all(array.dtype.kind in "fib" for array in arrays.values())
        n_shoppers = len(checkerboard().users)
        assert all(n_shoppers not in array.shape for array in arrays.values())

    def test_events_from_now_on_are_not_looked_at(self) -> None:
        scorer = create(self.name, self.options)
        late = scorer.fit(checkerboard(), catalogue(), now_ms=0).arrays()
        none = scorer.fit(nothing(), catalogue(), now_ms=0).arrays()
        for name, array in late.items():
            np.testing.assert_array_equal(array, none[name])

    def test_fit_without_events(self) -> None:
        scores = self.fitted(nothing()).score(History.of([0, 2], now_ms=NOW_MS), ALL)
        assert np.isnan(scores[:UNSOLD]).all() == self.needs_events

    def test_unfitted_has_no_opinion(self) -> None:
        scores = create(self.name, self.options).score(History.of([0], now_ms=NOW_MS), ALL)
        assert np.isnan(scores).all()

    def test_own_taste_ranks_first(self) -> None:
        if not self.personal:
            pytest.skip("the same for every shopper")
        for taste in (0, 1):
            scores = self.score([taste, taste + 2])[:UNSOLD]
            assert scores[taste::2].min() > scores[1 - taste :: 2].max()

    def test_vectors_give_the_scores(self) -> None:
        scorer = self.fitted()
        if not isinstance(scorer, Representation):
            pytest.skip("its score is no inner product")
        items, history = scorer.item_vectors(), History.of([0, 2], now_ms=NOW_MS)
        shopper = scorer.history_vector(history)
        assert (items.dtype, shopper.dtype) == (np.float32, np.float32)
        assert items.shape == (N_ITEMS, len(shopper))
        known = items.any(axis=1)
        scores = scorer.score(history, ALL)
        np.testing.assert_allclose(items[known] @ shopper, scores[known], rtol=1e-5)
        np.testing.assert_array_equal(known, np.isfinite(scores))
        assert np.isnan(scorer.history_vector(History.empty(NOW_MS))).all()

    def test_unknown_option_names_the_nearest(self) -> None:
        option = next(iter(create(self.name).options()))
        with pytest.raises(
            ConfigError, match=rf"unknown option '{option}x'.*did you mean '{option}"
        ):
            create(self.name, {f"{option}x": 1})

    def test_option_of_another_type_is_refused(self) -> None:
        option = next(iter(create(self.name).options()))
        with pytest.raises(ConfigError, match=f"{self.name}: {option}: expected a"):
            create(self.name, {option: [1]})
